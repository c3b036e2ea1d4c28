"""A prompt as lines, a title and yes or no on each: one pass asks a language model about every title of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from warmstart.core.errors import BadInput
from warmstart.meta.preference import Prompt
from warmstart.recommenders.llm_asking import title_shown
from warmstart.representation.causal_weights import Vocabulary
from warmstart.representation.sharing import Tokens

HEAD = "What one person has met, and whether the person liked it.\n"
YES, NO = " yes", " no"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A prompt in tokens.

    Args:
        tokens: up to where the answer about the target begins.
        places: the tokens behind which an answer begins, the target's last.
        answers: 1 for yes, 0 for no, -1 where it is not known.
    """

    tokens: Tokens
    places: tuple[int, ...]
    answers: tuple[int, ...]


def lines_of(prompt: Prompt) -> str:
    """Return a prompt as a text that a language model goes on with.

    Liked and disliked titles are mixed, by an order that depends on nothing but the titles.

    Example:
        >>> from warmstart.meta.preference import Prompt
        >>> from warmstart.meta.preference_lines import lines_of
        >>> print(lines_of(Prompt("ann", ("Alien",), ("Grease",), "Heat")))
        What one person has met, and whether the person liked it.
        Grease: no
        Alien: yes
        Heat:
    """
    told = "".join(f"{title}:{YES if liked else NO}\n" for title, liked in _mixed(prompt))
    return f"{HEAD}{told}{title_shown(prompt.target)}:"


def _mixed(prompt: Prompt) -> list[tuple[str, bool]]:
    told = [
        *((title_shown(one), True) for one in prompt.liked),
        *((title_shown(one), False) for one in prompt.disliked),
    ]
    return sorted(told, key=lambda line: blake2b(line[0].encode(), digest_size=8).digest())


class SheetMaker:
    """Makes sheets of prompts with one model's tokens.

    Args:
        vocabulary: of the model.

    Raises:
        BadInput: yes and no begin with the same token.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        yes, no, *others = vocabulary.encode([YES, NO, f"{YES}\n", f"{NO}\n", HEAD])
        self._answers, self._head = (others[0], others[1]), others[2]
        self.words = (yes[0], no[0])
        if self.words[0] == self.words[1]:
            raise BadInput("Yes and no begin with the same token, so this model cannot be asked.")
        self._titles: dict[str, Tokens] = {}

    def __call__(self, prompts: Sequence[Prompt]) -> list[Sheet]:
        """Return the sheets of prompts."""
        return [self._sheet(prompt) for prompt in prompts]

    def _sheet(self, prompt: Prompt) -> Sheet:
        tokens, places, answers = list(self._head), [], []
        for title, liked in _mixed(prompt):
            tokens += self._asked(title)
            places.append(len(tokens) - 1)
            answers.append(int(liked))
            tokens += self._answers[0 if liked else 1]
        tokens += self._asked(title_shown(prompt.target))
        known = -1 if prompt.label is None else int(prompt.label)
        return Sheet(tuple(tokens), (*places, len(tokens) - 1), (*answers, known))

    def _asked(self, title: str) -> Tokens:
        if title not in self._titles:
            [self._titles[title]] = self._vocabulary.encode([f"{title}:"])
        return self._titles[title]
