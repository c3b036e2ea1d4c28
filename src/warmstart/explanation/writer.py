"""Texts written by a language model, checked and repaired, or by a template: what is shown says nothing but facts."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from warmstart.core.errors import BadInput, Unsupported, WarmstartError
from warmstart.core.run import Run
from warmstart.explanation.checker import Checked, check
from warmstart.explanation.facts import Facts
from warmstart.explanation.lexicon import NOUNS, Language
from warmstart.explanation.prompts import prompt_of
from warmstart.explanation.surfaces import plain_marks
from warmstart.explanation.templates import template
from warmstart.representation.language_model import Generated, Generates, open_language_model

TEMPLATES = "template"
"""The name of writing without a model."""
MOST_TOKENS = 96
DEADLINE = 10.0
"""Seconds that a model has for all texts of one call."""
LATE = 1.5
"""Times the deadline from which an answer is not waited for to be read: the page it was for is gone."""
LANGUAGES: tuple[Language, ...] = ("en", "zh")
STOPS = ("\n\n", "<data", "</data")
"""What a model writes behind its text."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """A text that may be shown, and where it comes from.

    Args:
        text: what to show.
        origin: ``model`` (as it came), ``repaired`` (sentences were taken out) or ``template``.
        kept: sentences of the model that were kept.
        dropped: sentences of the model that were taken out.
        faults: how many sentences had each kind of fault.
        why: why a template spoke where a model was asked: ``deadline``, ``error``, ``check``; empty otherwise.
        tries: how often the model was asked, at most twice; where ``origin`` is ``model`` the last of them is shown.
    """

    text: str
    origin: Literal["model", "repaired", "template"]
    kept: int = 0
    dropped: int = 0
    faults: tuple[tuple[str, int], ...] = ()
    why: str = ""
    tries: int = 0


def describe(
    facts: Facts,
    model: Generates | None = None,
    language: Language = "en",
    *,
    deadline: float = DEADLINE,
    seed: int = 0,
) -> Written:
    """Write one text; see ``describe_all``.

    Example:
        >>> from warmstart.explanation.facts import Facts, item_facts
        >>> from warmstart.explanation.writer import describe
        >>> heat = item_facts({"title": "Heat (1995)", "genres": "Crime|Thriller"}, {"genres": "multi"})
        >>> describe(Facts("item", (heat,), what="film"), language="zh").origin
        'template'
    """
    return describe_all([facts], model, language, deadline=deadline, seed=seed)[0]


def describe_all(
    facts: Sequence[Facts],
    model: Generates | None = None,
    language: Language = "en",
    *,
    deadline: float = DEADLINE,
    seed: int = 0,
) -> list[Written]:
    """Write one text for each of ``facts``: the model writes, the checker takes out what no fact supports.

    Where something had to be taken out the model is asked once more, after other examples, if there is time, and the
    better draft is shown. A template speaks where there is no model, where it fails, is too late, or nothing is left.

    Args:
        facts: what each text may say.
        model: who writes; None for templates.
        language: ``en`` or ``zh``.
        deadline: seconds that the model has for all of them, more than 0.
        seed: varies the templates, and is handed to the model.

    Raises:
        BadInput: the language is not known, or the deadline is not above 0.
    """
    if language not in LANGUAGES:
        raise BadInput(f"Texts are written in {' or '.join(LANGUAGES)}; came: {language!r}.")
    if not deadline > 0:
        raise BadInput(f"A deadline is a number of seconds above 0; came: {deadline!r}.")
    if model is None or not facts:
        return [Written(template(one, language, seed), "template") for one in facts]
    begun = time.monotonic()
    shown = _drafted(facts, model, language, deadline, seed, draft=0)
    left = [place for place, one in enumerate(shown) if one.origin != "model" and one.why in {"", "check"}]
    took = time.monotonic() - begun
    # a draft that would not be finished is not begun
    if left and took + took * len(left) / len(facts) < deadline:
        again = _drafted([facts[place] for place in left], model, language, deadline - took, seed, draft=1)
        for place, one in zip(left, again, strict=True):
            shown[place] = replace(max(shown[place], one, key=_worth), tries=2)
    return shown


def _drafted(
    facts: Sequence[Facts], model: Generates, language: Language, deadline: float, seed: int, draft: int
) -> list[Written]:
    answers, why = _asked([prompt_of(one, language, draft) for one in facts], model, deadline, seed)
    if answers is None:
        return [Written(template(one, language, seed), "template", why=why, tries=1) for one in facts]
    return [_shown(one, answer, language, seed) for one, answer in zip(facts, answers, strict=True)]


def _worth(one: Written) -> tuple[int, int]:
    """Return what the better of two drafts has more of; the first stays where they are alike."""
    return ("template", "repaired", "model").index(one.origin), one.kept


def open_writer(name: str, *, cache: bool | Path = False, run: Run | None = None) -> Generates | None:
    """Open a language model that writes, by its name or address; None for ``template``.

    Args:
        name: ``smollm2``, an address, or ``template``.
        cache: keep what it writes on disk, and ask for nothing twice; see ``open_language_model``.
        run: who sees how far long work with a cache is.

    Raises:
        BadInput: there is no such model, or it writes no text.

    Example:
        >>> from warmstart.explanation.writer import open_writer
        >>> open_writer("template") is None
        True
    """
    if name == TEMPLATES:
        return None
    # so small a model goes on from the examples of a prompt better than it answers a question about them
    settings: dict[str, Any] = {"chat": False} if name == "smollm2" else {}
    opened = open_language_model(name, cache=cache, run=run, **settings)
    try:
        opened.generate([])
    except Unsupported:
        raise BadInput(
            f"The language model {name!r} writes no text. Take smollm2, an address or {TEMPLATES}."
        ) from None
    return opened


def checked_noun(what: str | None) -> str | None:
    """Return what items are called if it is a known noun; raises ``BadInput`` naming them all.

    Example:
        >>> from warmstart.explanation.writer import checked_noun
        >>> checked_noun("book")
        'book'
    """
    if what is not None and what not in NOUNS:
        raise BadInput(f"Items can be called {', '.join(NOUNS)}; came: {what!r}.")
    return what


def _asked(prompts: list[str], model: Generates, deadline: float, seed: int) -> tuple[Sequence[Generated] | None, str]:
    """Return what the model wrote, or None and why there is nothing."""
    start = time.monotonic()
    try:
        said = model.generate(prompts, max_tokens=MOST_TOKENS, seed=seed, stop=STOPS, deadline=deadline)
    except Unsupported:
        # a model that never writes is a mistake of who chose it
        raise
    except (WarmstartError, OSError, ValueError, RuntimeError) as error:
        # a text is never worth an answer that fails
        logger.warning("the language model failed, templates speak: %s", error)
        return None, "error"
    if len(said) != len(prompts):
        return None, "error"
    return (None, "deadline") if time.monotonic() - start > LATE * deadline else (said, "")


def _shown(facts: Facts, said: Generated, language: Language, seed: int) -> Written:
    found = check(said.text.strip(), facts, language)
    counts = len(found.kept), len(found.dropped), tuple(found.counts.items())
    if not found.kept or not _names_its_item(facts, found):
        why = "deadline" if said.ended == "deadline" else "check"
        return Written(template(facts, language, seed), "template", *counts, why, tries=1)
    return Written(found.text, "repaired" if found.dropped else "model", *counts, tries=1)


def _names_its_item(facts: Facts, found: Checked) -> bool:
    """Return whether a text says which item it is about, if that can be said at all."""
    titles = [one.title for one in facts.items if one.title is not None]
    return not titles or any(plain_marks(title) in plain_marks(found.text) for title in titles)
