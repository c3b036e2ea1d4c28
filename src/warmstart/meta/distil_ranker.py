"""A small student learns from what a dear teacher says of many unlabelled pairs, and answers from cached vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.config import Config
from warmstart.core.errors import BadInput, BadModelFile, NotFitted
from warmstart.core.histories import Floats, Ints
from warmstart.core.run import Run
from warmstart.meta.preference import PreferenceScorer, Prompt
from warmstart.meta.preference_facts import spoken
from warmstart.representation.text import TextSpace

Doubles = npt.NDArray[np.float64]

FOLDS = 5
"""Parts of the pairs, by person, of which each in turn tells which ridge carries over to other people."""
ROUNDS = 3
"""Times that words and titles are learned in turn, each on what the other leaves."""
FAINT = 0.01
"""Size of a direction beside the largest up to which it is left out."""
TINY = 1e-9
"""A spread below which a column tells nothing."""
EDGE = 1e-3
"""Chances are kept so far from 0 and 1 before their log-odds are taken."""


class StudentConfig(Config):
    """Settings of the student."""

    dimension: Annotated[int, Field(ge=1)] = 64
    """Directions of the words' vectors that are kept."""
    own: Annotated[float, Field(gt=0)] = 1.0
    """Imagined pairs beside those of a title, which say of it what its words say."""
    ridges: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
    """Strengths of which the one is taken with which other people's pairs are foretold best."""


@dataclass(frozen=True)
class Student:
    """A ridge regression over cached vectors of titles, which gives what the teacher would say of a prompt.

    It reads of a prompt: the target's vector, its products with the mean of the liked and that of the disliked titles,
    those means, how alike they are, the share of likes, and what the teacher usually says of the target and of the
    titles shown. A title that was not cached is read by its words. Nothing but numpy is needed to answer.

    Source: Hinton et al. (2015), Distilling the Knowledge in a Neural Network; of rankers Tang and Wang (2018).

    Args:
        space: makes vectors of texts.
        axes: float32 [256, d], the directions that are kept.
        keys: uint64 [n], hashes of the titles that are cached.
        vectors: float32 [n, d].
        usual: float32 [n], what the teacher usually says of each, its words and itself.
        words: float32 [d + 1], foretells that of a stranger, the constant last.
        weights: float32 [features + 1], the constant last.

    Example:
        >>> from warmstart.meta.distil_ranker import Student
        >>> from warmstart.meta.preference import Prompt
        >>> names = "Alien", "Heat", "Up", "Babe"
        >>> pairs = [Prompt(user, (seen,), (), name) for user in "abcdef" for seen in names for name in names]
        >>> student = Student.fit([float(pair.target in ("Up", "Babe")) for pair in pairs], pairs)
        >>> best, worst = student.score([Prompt("eve", ("Heat",), (), title) for title in ("Up", "Alien")])
        >>> bool(best > worst)
        True
    """

    space: TextSpace
    axes: Floats
    keys: npt.NDArray[np.uint64]
    vectors: Floats
    usual: Floats
    words: Floats
    weights: Floats
    reads_order: ClassVar[bool] = False

    @classmethod
    def fit(
        cls,
        teacher_scores: npt.ArrayLike,
        prompts: Sequence[Prompt],
        texts: Mapping[str, str] | None = None,
        config: StudentConfig | None = None,
    ) -> "Student":
        """Learn from what a teacher said; labels are not read.

        Args:
            teacher_scores: finite, one a prompt; log-odds, or anything that is to be foretold.
            prompts: pairs of a history and a target, of several people.
            texts: what else there is to read of a title, such as its labels; these titles are cached too.
            config: settings.

        Raises:
            BadInput: there are no prompts, or the scores do not fit them.
        """
        chosen, said = config or StudentConfig(), np.asarray(teacher_scores, dtype=np.float64)
        if not len(prompts) or said.shape != (len(prompts),) or not np.isfinite(said).all():
            raise BadInput(f"A student needs one finite score a prompt, {len(prompts)} in all (came: {said.shape}).")
        titles = list(dict.fromkeys([*(texts or {}), *(title for one in prompts for title in _titles(one))]))
        bare = cls._bare(titles, texts or {}, chosen)
        taught = bare.with_usual(said, prompts, chosen)
        return taught.with_weights(said, prompts, chosen)

    @classmethod
    def _bare(cls, titles: Sequence[str], texts: Mapping[str, str], config: StudentConfig) -> "Student":
        read = [texts.get(title) or spoken(title) for title in titles]
        space = TextSpace.fit(read)
        whole = space.encode(read)
        _, sizes, turned = np.linalg.svd(whole, full_matrices=False)
        # a direction in which no cached title lies would let strangers be anything
        kept = min(config.dimension, max(1, int((sizes > FAINT * sizes[0]).sum())))
        axes = np.ascontiguousarray(turned[:kept].T, dtype=np.float32)
        keys = np.array([_key(title) for title in titles], dtype=np.uint64)
        usual, words = np.zeros(len(titles), dtype=np.float32), np.zeros(axes.shape[1] + 1, dtype=np.float32)
        return cls(space, axes, keys, whole @ axes, usual, words, np.zeros(1, dtype=np.float32))

    def with_usual(self, said: Doubles, prompts: Sequence[Prompt], config: StudentConfig) -> "Student":
        """Learn what is usually said of each title: by its words, and then by itself, as far as it was asked of."""
        targets = self._places([one.target for one in prompts], {})
        counts = np.bincount(targets, minlength=len(self.keys)).astype(np.float64)
        own, words = np.zeros(len(self.keys)), np.zeros(self.axes.shape[1] + 1)
        columns = np.column_stack([self.vectors, np.ones(len(self.vectors))]).astype(np.float64)
        for _ in range(ROUNDS):
            words = _ridge(columns[targets], said - own[targets], config.dimension / 4)
            left = np.bincount(targets, weights=said - columns[targets] @ words, minlength=len(self.keys))
            own = left / (counts + config.own)
        return replace(self, usual=(columns @ words + own).astype(np.float32), words=words.astype(np.float32))

    def with_weights(self, said: Doubles, prompts: Sequence[Prompt], config: StudentConfig) -> "Student":
        """Weigh the columns, with the ridge that foretells other people's pairs best."""
        columns = self._features(prompts).astype(np.float64)
        columns[:, 0] = self._told_by_others(said, prompts, config)
        users = {user: place for place, user in enumerate(dict.fromkeys(one.user for one in prompts))}
        folds = np.array([users[one.user] % FOLDS for one in prompts])
        lost = [_lost(columns, said, folds, ridge) for ridge in config.ridges]
        found = _ridge(columns, said, config.ridges[int(np.argmin(lost))])
        return replace(self, weights=found.astype(np.float32))

    def _told_by_others(self, said: Doubles, prompts: Sequence[Prompt], config: StudentConfig) -> Doubles:
        """Return what is usually said of each target as it would be known without that pair."""
        places = self._places([one.target for one in prompts], {})
        by_words = (self.vectors @ self.words[:-1] + self.words[-1]).astype(np.float64)
        imagined = np.bincount(places, minlength=len(self.keys)) + config.own
        left = (self.usual - by_words) * imagined
        others = (left[places] - (said - by_words[places])) / (imagined[places] - 1)
        return np.asarray(by_words[places] + others, dtype=np.float64)

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return what the teacher would say, float32 [n]."""
        return np.asarray(self._features(prompts) @ self.weights, dtype=np.float32)

    def arrays(self) -> Arrays:
        """Return what is to be stored; titles are kept as hashes."""
        named = {name: getattr(self, name) for name in _SHAPES}
        return {f"student.{name}": array for name, array in named.items()} | self.space.arrays()

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "Student":
        """Take back what ``arrays`` returned; raises ``BadModelFile`` if it does not fit."""
        space = TextSpace.of_arrays(arrays)
        dimension = array_of(arrays, "student.axes", (space.centre.shape[0], None)).shape[1]
        n = len(array_of(arrays, "student.keys", (None,), kind="u"))
        sizes = {"input": space.centre.shape[0], "d": dimension, "n": n, "d1": dimension + 1, "f": _width(dimension)}
        parts = {
            name: array_of(
                arrays, f"student.{name}", tuple(sizes[one] for one in shape), "u" if name == "keys" else "f"
            )
            for name, shape in _SHAPES.items()
        }
        if len(np.unique(parts["keys"])) != n:
            raise BadModelFile("The student's titles are not all different. Save it again.")
        return cls(space, **parts)

    def _features(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the columns that are weighed, float32 [n, features + 1]."""
        strange = self._strangers(prompts)
        table = self._table(list(strange))
        targets = table[self._places([one.target for one in prompts], strange)]
        liked = _means([self._places(one.liked, strange) for one in prompts], table)
        disliked = _means([self._places(one.disliked, strange) for one in prompts], table)
        shown = np.array([[len(one.liked), len(one.disliked)] for one in prompts], dtype=np.float32).reshape(-1, 2)
        many = shown.sum(axis=1)
        rate = (shown[:, 0] + 1) / (many + 2)
        # the first column of the table is what is usually said, the others are words
        told, fond, sour = targets[:, 0], liked[:, 0], disliked[:, 0]
        asked, likes, dislikes = targets[:, 1:], liked[:, 1:], disliked[:, 1:]
        near, far = asked * likes, asked * dislikes
        single = (told, fond, sour, rate, rate * fond, (1 - rate) * sour, near.sum(axis=1), far.sum(axis=1), many / 10)
        return np.column_stack([*single, asked, likes, dislikes, near, far, np.ones(len(prompts))]).astype(np.float32)

    def _strangers(self, prompts: Sequence[Prompt]) -> dict[str, int]:
        """Return the titles that are not cached, each with a place behind all that are."""
        found: dict[str, int] = {}
        for prompt in prompts:
            for title in _titles(prompt):
                if _key(title) not in self._index:
                    found.setdefault(title, len(self.keys) + len(found))
        return found

    def _table(self, strangers: Sequence[str]) -> Floats:
        if not strangers:
            return self._cached
        read = self.space.encode([spoken(title) for title in strangers]) @ self.axes
        told = read @ self.words[:-1] + self.words[-1]
        return np.vstack([self._cached, np.column_stack([told, read])])

    def _places(self, titles: Sequence[str], strangers: Mapping[str, int]) -> Ints:
        index = self._index
        found = [strangers[title] if title in strangers else index[_key(title)] for title in titles]
        return np.array(found, dtype=np.int64)

    @cached_property
    def _cached(self) -> Floats:
        return np.column_stack([self.usual, self.vectors])

    @cached_property
    def _index(self) -> dict[int, int]:
        return {key: place for place, key in enumerate(self.keys.tolist())}


@dataclass(frozen=True)
class Distilled:
    """A row that asks its teacher only while it learns: the student answers.

    Args:
        teacher: any row; it learns from the examples first.
        pairs: unlabelled prompts on which it is asked; see ``unlabelled``.
        chance: whether it answers with a chance, of which log-odds are taken.
        texts: what else there is to read of a title.
        config: settings of the student.
        student: who answers once it has learned.
    """

    teacher: PreferenceScorer
    pairs: Sequence[Prompt]
    chance: bool = True
    texts: Mapping[str, str] = field(default_factory=dict)
    config: StudentConfig = StudentConfig()
    student: Student | None = None
    reads_order: ClassVar[bool] = False

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "Distilled":
        """Let the teacher learn from the examples and the student from the teacher."""
        said = self.teacher.fit(prompts, validation).score(self.pairs).astype(np.float64)
        if self.chance:
            kept = np.clip(said, EDGE, 1 - EDGE)
            said = np.log(kept) - np.log1p(-kept)
        return replace(self, student=Student.fit(said, self.pairs, self.texts, self.config))

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return what the student says."""
        if self.student is None:
            raise NotFitted("The student has learned nothing yet. Call fit first; no examples are needed.")
        return self.student.score(prompts)


def unlabelled(prompts: Sequence[Prompt], titles: Sequence[str], more: int, seed: int = 0) -> list[Prompt]:
    """Return each prompt without its label, and its history again before some titles at random that it does not hold.

    Pairs of one history stand together, so that a language model reads it once.

    Args:
        prompts: of people.
        titles: to draw from.
        more: how many for each prompt; fewer where there are not so many.
        seed: of the draw.

    Example:
        >>> from warmstart.meta.distil_ranker import unlabelled
        >>> from warmstart.meta.preference import Prompt
        >>> pairs = unlabelled([Prompt("eve", ("Alien",), (), "Heat", True)], ["Alien", "Heat", "Up"], more=5)
        >>> [(pair.target, pair.label) for pair in pairs]
        [('Heat', None), ('Up', None)]
    """
    rng, found = Run(seed=seed).rng("unlabelled pairs"), []
    for prompt in prompts:
        held = set(_titles(prompt))
        drawn = rng.choice(len(titles), min(len(titles), more + len(held)), replace=False)
        fresh = [titles[place] for place in drawn.tolist() if titles[place] not in held][:more]
        found += [replace(prompt, target=title, label=None) for title in (prompt.target, *fresh)]
    return found


_SHAPES: Mapping[str, tuple[str, ...]] = {
    "axes": ("input", "d"),
    "keys": ("n",),
    "vectors": ("n", "d"),
    "usual": ("n",),
    "words": ("d1",),
    "weights": ("f",),
}
_SINGLE, _WIDE = 9, 5
"""Columns that are one number, and columns that are a vector."""


def _width(dimension: int) -> int:
    return _SINGLE + _WIDE * dimension + 1


def _titles(prompt: Prompt) -> tuple[str, ...]:
    return (*prompt.liked, *prompt.disliked, prompt.target)


def _key(title: str) -> int:
    return int.from_bytes(blake2b(title.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _ridge(columns: Doubles, wanted: Doubles, strength: float) -> Doubles:
    """Return weights of columns as they are, where the penalty is on columns of spread 1; the last is the constant."""
    body = columns[:, :-1]
    centre, spread = body.mean(axis=0), body.std(axis=0)
    scaled = (body - centre) / np.where(spread > TINY, spread, np.inf)
    mean = wanted.mean()
    gram = scaled.T @ scaled + strength * np.eye(body.shape[1])
    found = np.linalg.solve(gram, scaled.T @ (wanted - mean)) / np.where(spread > TINY, spread, np.inf)
    return np.append(found, mean - centre @ found)


def _lost(columns: Doubles, said: Doubles, folds: npt.NDArray[np.int64], strength: float) -> float:
    """Return the squared error on people of whom nothing was learned."""
    lost = 0.0
    for fold in range(FOLDS):
        asked = folds == fold
        if asked.any() and not asked.all():
            lost += float(
                np.square(columns[asked] @ _ridge(columns[~asked], said[~asked], strength) - said[asked]).sum()
            )
    return lost


def _means(rows: Sequence[Ints], table: Floats) -> Floats:
    """Return the mean of the table's rows at some places, zero where there are none, float32 [n, columns]."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    ends = np.cumsum(lengths)
    shares = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    joined = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    matrix = sparse.csr_matrix((shares, joined, np.append(0, ends)), shape=(len(rows), len(table)))
    return np.asarray(matrix @ table, dtype=np.float32)
