"""A sentence as evidence: it tilts every score towards the labels, the title and the years that it asks for."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from warmstart.core.artefact import Arrays, array_of, pack_csr, unpack_csr
from warmstart.core.histories import Floats
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.data.dataset import Dataset
from warmstart.data.episodes import cold_user_tasks
from warmstart.data.tfidf import Tfidf, tokens
from warmstart.meta.exam import ndcg_of
from warmstart.meta.item_text import YEAR
from warmstart.representation.labels import LabelReader
from warmstart.representation.text import item_texts, telling_words, text_columns

if TYPE_CHECKING:
    import polars as pl

GAINS = (0.0, 1.0, 1.5, 2.0, 2.5, 3.0)
GAIN = 2.5
"""Taken where nobody is held out to choose on."""
FADES_AFTER = 1.5
"""Events after which a sentence tilts half as much: what somebody does outweighs what she once said."""
FLOOR = 2e-3
"""Share of the most popular item's score that every item has at least, so that a sentence finds one nobody met."""
DOUBT = 1.0
"""Standard deviations above what words at random reach at which a sentence is believed half."""
TITLE = 5.0
"""Logarithm of the factor by which a sentence that is a title lifts the item."""
STEEPNESS = 4
"""Power of the words' likeness to a title, so that one word in common counts next to nothing."""
YEARS = 2.0
"""Logarithm of the factor by which years named in a sentence lift the items of these years."""
NEAR = 3.0
"""Years by which an item may miss the years named until it counts a third."""
SLACK = 0.005
"""Share of the best quality that a stronger gain may lack."""
LIKES_TOLD = 3
"""Likes whose labels make up one kind of the sentences that the gain is chosen by."""
MOST_WORDS = 100_000
"""Words by which titles are found."""
MOST_JUDGES = 300
FEW_JUDGES = 200
"""Users of a validation set below which the training users judge; nothing but popularity was learned from them."""
MOST_CELLS = 1 << 23
"""Scores of judges that are held at a time."""

WHOLE_TITLE, AS_MEANT = 0.99, 2.0
"""Likeness from which a search is for that title, and what it then adds, more than all else together."""
UNKNOWN = -math.log(FLOOR)
"""Logarithm of the factor by which a whole title lifts its item beside ``TITLE``: enough for one that nobody met."""

_DECADE = re.compile(r"\b((?:1[89]|20)\d)0s\b")
_ONE_YEAR = re.compile(r"\b((?:1[89]|20)\d\d)\b")


@dataclass(frozen=True, slots=True)
class TitleReader:
    """Finds items by their title and by the year in its brackets.

    Args:
        tfidf: the titles' words.
        rows: float32 [items, words], rows of length 1.
        years: float32 [items], nan where none is known.
    """

    tfidf: Tfidf
    rows: sparse.csr_matrix
    years: Floats

    @classmethod
    def fit(cls, titles: Sequence[str]) -> "TitleReader":
        """Learn the titles of a catalogue."""
        bare = [_title_words(title) for title in titles]
        tfidf = Tfidf.fit(bare, max_words=MOST_WORDS)
        return cls(tfidf, tfidf.encode(bare), _years_of(titles))

    def with_titles(self, titles: Sequence[str]) -> "TitleReader":
        """Return the same with further items."""
        bare = [_title_words(title) for title in titles]
        unheard = sorted({word for title in bare for word in tokens(title)}.difference(self.tfidf.words))
        old = self.tfidf
        tfidf = replace(old, words=(*old.words, *unheard), counts=(*old.counts, *[1] * len(unheard)))
        wider = sparse.csr_matrix(
            (self.rows.data, self.rows.indices, self.rows.indptr), shape=(self.rows.shape[0], len(tfidf))
        )
        rows = sparse.vstack([wider, tfidf.encode(bare)], format="csr")
        return TitleReader(tfidf, rows, np.concatenate([self.years, _years_of(titles)]))

    def likeness(self, texts: Sequence[str | None], passed_over: frozenset[str]) -> Floats:
        """Return the cosine of each sentence's words to each title's, float32 [n, items].

        Args:
            texts: sentences; a word that no title has makes a sentence less like all of them.
            passed_over: words, such as the labels', of which alone no title is found.
        """
        bare = [telling_words(re.sub(YEAR, " ", text or "")) for text in texts]
        found = self.tfidf.encode([" ".join(words) if set(words) - passed_over else None for words in bare])
        shares = np.array([self._known_share(words) for words in bare], dtype=np.float32)
        return np.asarray((self.rows @ found.T).toarray().T * shares[:, None], dtype=np.float32)

    def within(self, texts: Sequence[str | None]) -> Floats:
        """Return how near each item is to the years that a sentence names, float32 [n, items] of 0 to 1."""
        found = np.zeros((len(texts), len(self.years)), dtype=np.float32)
        for row, text in enumerate(texts):
            span = _span(text or "")
            if span:
                missed = np.maximum(np.maximum(span[0] - self.years, self.years - span[1]), 0)
                found[row] = np.nan_to_num(np.exp(-missed / NEAR))
        return found

    def _known_share(self, words: Sequence[str]) -> float:
        """Return the length of a sentence's known words over that of all; an unknown word counts as a rare one."""
        columns = self.tfidf.code(" ".join(words))[0]
        known = float((self.tfidf.idf[columns] ** 2).sum())
        unknown = (len(set(words)) - len(columns)) * (np.log(1 + self.tfidf.n_texts) + 1) ** 2
        return float(np.sqrt(known / (known + unknown))) if len(columns) else 0.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """Multiplies scores by ``exp(tilt)``; the tilt is up for what a sentence asks for and down for the rest.

    The tilt of an item is ``gain`` times the share of what was asked for among its labels, less the same share over
    everybody's likes; then what its title and years add. It fades as events come in.

    Args:
        titles: finds titles and years.
        labels: reads labels, or None where items have none.
        carried: float32 [items, labels], zeros and ones.
        popularity: float32 [items], share of users who like each.
        gain: factor of the labels, chosen on held-out users.
    """

    titles: TitleReader
    labels: LabelReader | None
    carried: sparse.csr_matrix
    popularity: Floats
    gain: float = GAIN

    @classmethod
    def fit(cls, data: Dataset, popularity: Floats) -> "Sentence | None":
        """Read the items; None when nothing describes them."""
        columns = [] if data.items is None else text_columns(data.items, data.item_kinds)
        if data.items is None or not columns:
            return None
        titles = _titles(data.items) if "title" in columns else [""] * data.n_items
        named = [name for name in columns if name != "title"]
        labels = _label_reader(data.items, named, data.item_kinds, titles)
        carried = sparse.csr_matrix((data.n_items, 0), dtype=np.float32)
        carried = carried if labels is None else labels.carried(data.items)
        return cls(TitleReader.fit(titles), labels, carried, popularity)

    def encode(self, texts: Sequence[str | None]) -> Floats:
        """Return the tilt of every item, float32 [n, items]; zero for None and for a text without a known word."""
        by_labels, others = self._parts(texts)
        return np.asarray(self.gain * by_labels + others, dtype=np.float32)

    def relevance(self, texts: Sequence[str | None]) -> Floats:
        """Return how well each item fits what a text asks for, float32 [n, items]; 0 where it does not.

        The cosine of its title's words, and more where they are all of them; and, as far as the text is no title, the
        share of the labels asked for that the item carries, times how near it is to the years asked for.
        """
        named = self.titles.likeness(texts, frozenset())
        whole = named > WHOLE_TITLE
        left = 1 - named.max(axis=1, initial=0)[:, None]
        carried = np.ones_like(named)
        asked = np.zeros((len(texts), 0), dtype=np.float32)
        if self.labels is not None:
            asked = asked_for(self.labels.read(texts))
            carried = np.asarray((self.carried @ asked.T).T)
        near = self.titles.within(texts)
        dated, labelled = near.any(axis=1, keepdims=True), asked.any(axis=1, keepdims=True)
        about = np.where(labelled, carried, 1.0) * np.where(dated, near, 1.0) * (dated | labelled)
        return np.asarray(named + whole * AS_MEANT + left * about, dtype=np.float32)

    def rows(self, encoded: Floats, counts: npt.NDArray[np.integer], scores: Floats) -> Floats:
        """Return what sentences add to scores of users with so many events, float32 [n, items]."""
        fade = (FADES_AFTER / (FADES_AFTER + counts)).astype(np.float32)
        least = np.float32(FLOOR * self.popularity.max(initial=0))
        added: Floats = (np.maximum(scores, 0) + least) * np.expm1(encoded * fade[:, None])
        return added

    def with_items(self, described: "pl.DataFrame", popularity: Floats) -> "Sentence":
        """Return the same with further items; ``described`` is their checked frame."""
        titles = self.titles.with_titles(_titles(described) if "title" in described.columns else [""] * len(described))
        carried = sparse.csr_matrix((len(described), self.carried.shape[1]), dtype=np.float32)
        carried = carried if self.labels is None else self.labels.carried(described)
        longer = sparse.vstack([self.carried, carried], format="csr")
        return replace(self, titles=titles, carried=longer, popularity=popularity)

    def tuned(self, judges: Dataset, pool: int, seed: int) -> "Sentence":
        """Choose the gain on users who say nothing but labels of things they will like.

        One kind of sentence names the label that tells the user best from others, another all labels of three things.
        A gain is as good as the mean nDCG@10 of both and of the things that carry the label that was named, as long
        as neither kind of sentence ranks what the user likes worse than popularity does. Of gains about as good the
        strongest is taken, for whoever asks for something wants to see it.
        """
        most = min(MOST_JUDGES, max(1, MOST_CELLS // max(1, judges.n_items)))
        users = np.sort(Run(seed=seed).rng("sentences").permutation(judges.n_users)[:most]).astype(np.int64)
        tasks = cold_user_tasks(judges, users, (0,), "likes", pool, seed)[0]
        if self.labels is None or not len(tasks):
            return self
        named, asked = self._taste(tasks, self.labels.names)
        exams = ((named, (tasks, asked)), (self._labels_of_likes(tasks, self.labels.names), (tasks,)))
        read = [(self._parts(texts), judged) for texts, judged in exams]
        found = np.array([[self._ndcg(gain, parts, one) for parts, some in read for one in some] for gain in GAINS])
        # columns: taste over all likes, taste over what was asked for, labels of three things
        worse = (found[:, [0, 2]] < found[0, [0, 2]]).any(axis=1)
        quality = np.where(worse, -1, found.mean(axis=1))
        return replace(self, gain=GAINS[int(np.flatnonzero(quality >= (1 - SLACK) * quality.max())[-1])])

    def _ndcg(self, gain: float, parts: tuple[Floats, Floats], tasks: Tasks) -> float:
        scores = np.broadcast_to(self.popularity, parts[0].shape)
        tilt = gain * parts[0] + parts[1]
        return ndcg_of(scores + self.rows(tilt, np.zeros(len(tasks), dtype=np.int64), scores), tasks)

    def _taste(self, tasks: Tasks, names: Sequence[str]) -> tuple[list[str], Tasks]:
        """Let each user name the label that she likes most beyond what is usual; the likes that carry it are asked."""
        query, texts = tasks.query, []
        kept = np.zeros(len(query.items), dtype=bool)
        for start, end in zip(query.indptr[:-1].tolist(), query.indptr[1:].tolist(), strict=True):
            mine = self.carried[query.items[start:end]].toarray()
            label = int(np.argmax(mine.mean(axis=0) - self.usual()))
            texts.append(names[label])
            # somebody whose likes carry no label at all asks for all of them
            kept[start:end] = mine[:, label] > 0 if mine[:, label].any() else True
        return texts, replace(tasks, query=query.where(kept))

    def _labels_of_likes(self, tasks: Tasks, names: Sequence[str]) -> list[str]:
        """Let each user say all labels of a few things that she will like."""
        some = (tasks.query.items[start : start + LIKES_TOLD] for start in tasks.query.indptr[:-1].tolist())
        return [" ".join(names[label] for label in self.carried[items].indices) for items in some]

    def usual(self) -> Floats:
        """Return the share of everybody's likes that carry each label, float32 [labels]."""
        shares = self.carried.T @ self.popularity / max(float(self.popularity.sum()), 1e-12)
        return np.asarray(shares, dtype=np.float32)

    def _parts(self, texts: Sequence[str | None]) -> tuple[Floats, Floats]:
        """Return the tilt by labels at gain 1 and the tilt by title and years, float32 [n, items] each."""
        names = () if self.labels is None else self.labels.names
        words = frozenset(word for name in names for word in telling_words(name))
        likeness = self.titles.likeness(texts, words)
        named = likeness**STEEPNESS
        # a sentence that is a title asks for that title and for nothing else
        left = 1 - named.max(axis=1, initial=0)[:, None]
        near = self.titles.within(texts)
        near -= (near @ self.popularity / max(float(self.popularity.sum()), 1e-12))[:, None]
        asked = (
            np.zeros((len(texts), 0), dtype=np.float32) if self.labels is None else asked_for(self.labels.read(texts))
        )
        by_labels = np.asarray((self.carried @ asked.T).T) - (asked @ self.usual())[:, None]
        return left * by_labels, TITLE * named + UNKNOWN * (likeness > WHOLE_TITLE) + left * YEARS * near

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is to be stored with a model; the arrays' names begin with ``sentence.``."""
        header: dict[str, Any] = {"gain": self.gain, "titles": self.titles.tfidf.to_header(), "labels": None}
        arrays = pack_csr("rows", self.titles.rows) | pack_csr("carried", self.carried) | {"years": self.titles.years}
        if self.labels is not None:
            header["labels"], learned = self.labels.state()
            arrays |= learned
        return header, {f"sentence.{name}": array for name, array in arrays.items()}

    @classmethod
    def restore(cls, header: dict[str, Any], arrays: Arrays, popularity: Floats) -> "Sentence":
        """Take back what ``state`` returned; raises ``BadModelFile`` if it does not fit."""
        own = {name.removeprefix("sentence."): part for name, part in arrays.items() if name.startswith("sentence.")}
        tfidf, n_items = Tfidf.from_header(header["titles"]), len(popularity)
        rows = unpack_csr(own, "rows", (n_items, len(tfidf)))
        titles = TitleReader(tfidf, rows, array_of(own, "years", (n_items,)))
        labels = None if header["labels"] is None else LabelReader.restore(header["labels"], own)
        carried = unpack_csr(own, "carried", (n_items, 0 if labels is None else len(labels.names)))
        return cls(titles, labels, carried, popularity, header["gain"])


def asked_for(strengths: Floats) -> Floats:
    """Turn strengths of labels into shares of what is asked for; they add up to how far the sentence is believed.

    Args:
        strengths: float32 [n, labels], in standard deviations; what is not above zero is not asked for.

    Example:
        >>> import numpy as np
        >>> from warmstart.meta.sentence import asked_for
        >>> asked_for(np.array([[4.0, 2.0, -0.5], [0.0, -1.5, -3.5]])).astype(float).round(2).tolist()
        [[0.63, 0.31, 0.0], [0.0, 0.0, 0.0]]
    """
    above = np.maximum(strengths, 0)
    total, best = above.sum(axis=1, keepdims=True), above.max(axis=1, keepdims=True, initial=0)
    belief = best**2 / (best**2 + DOUBT**2)
    return np.asarray(above / np.where(total > 0, total, 1) * belief, dtype=np.float32)


def _label_reader(
    items: "pl.DataFrame", columns: list[str], kinds: Mapping[str, str] | None, titles: Sequence[str]
) -> LabelReader | None:
    if not columns:
        return None
    told = {name: kind for name, kind in (kinds or {}).items() if name in columns}
    found = LabelReader.fit(items.select(columns), told, [re.sub(YEAR, " ", title) for title in titles])
    return found if found.names else None


def _titles(items: "pl.DataFrame") -> list[str]:
    return item_texts(items, ["title"])


def _title_words(title: str) -> str:
    """Return a title's telling words without its year, or all its words where none tells anything."""
    bare = re.sub(YEAR, " ", title)
    return " ".join(telling_words(bare)) or bare


def _years_of(titles: Sequence[str]) -> Floats:
    found = [re.search(YEAR, title) for title in titles]
    return np.array([float(year.group(1)) if year else np.nan for year in found], dtype=np.float32)


def _span(text: str) -> tuple[int, int] | None:
    """Return the first and last year that a sentence names: a decade such as ``1980s``, or one year."""
    decade, year = _DECADE.search(text), _ONE_YEAR.search(text)
    if decade:
        return int(decade.group(1)) * 10, int(decade.group(1)) * 10 + 9
    return (int(year.group(1)), int(year.group(1))) if year else None
