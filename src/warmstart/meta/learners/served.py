"""Learners as recommenders: of the name table, in every contract, command and server."""

import copy
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories, Ints
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.catalogue import Catalogue
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.context import Reading, UserContext
from warmstart.meta.learners.gate import ANCHORS, Gate
from warmstart.meta.learners.gradient import ANIL, MAML, FirstOrderMAML, MetaSGD
from warmstart.meta.learners.item_rows import ItemRows
from warmstart.meta.learners.judges import Judges, attributes_of
from warmstart.meta.learners.learner import Adapted, AdaptedValues, Learner, VectorLearner
from warmstart.meta.learners.process import CNP, Attentive
from warmstart.meta.learners.prototypes import Prototypes
from warmstart.meta.learners.reptile import Reptile
from warmstart.meta.learners.ridge import R2D2
from warmstart.meta.learners.support import ValuedSupport
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.prior import Support
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.new_items import read_new_items
from warmstart.recommenders.reading import learned
from warmstart.representation.context import Context

Validate = Callable[[Arrays], float]
"""Returns a loss, lower is better, of a prior on people who were not trained on."""


class LearnerRecommender(Recommender):
    """Serves a learner: fitting is its introspective phase, scoring its extrospective one, behind a learned gate."""

    @property
    @abstractmethod
    def learner(self) -> Learner[Arrays]:
        """The learner, with the settings of this recommender."""

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        with one_thread():
            known, judges = UserContext.fit(data), Judges.of(data, validation, run)
            popularity = TaskSet.of(data).shares
            tasks = self._tasks(data, judges.train, known)
            prior = self.learner.fit(tasks, validate=self._loss(judges, known, popularity), run=run)
            prior = self._placed(prior, data, run)
            self.gate, self.quality = self._gated(prior, judges, known, popularity)
            self.told_values = data.like_from is not None
            self._bind(known, {**prior, "popularity": popularity})

    def _placed(self, prior: Arrays, data: Dataset, run: Run) -> Arrays:
        """Return the prior with what is foretold of items that nobody met."""
        return prior

    def _tasks(self, data: Dataset, users: Ints, known: UserContext | None) -> TaskSet:
        """Return what the learner is trained on."""
        return TaskSet.of(data.take_users(users), known)

    def _loss(self, judges: Judges, known: UserContext | None, popularity: Floats) -> Validate | None:
        """Return what tells when training ends: how badly the first ten are ranked; None without judges."""
        if not any(len(one) for _, _, one in judges.tasks()):
            return None
        return lambda prior: -self._gated(prior, judges, known, popularity)[1]

    def _gated(
        self, prior: Arrays, judges: Judges, known: UserContext | None, popularity: Floats
    ) -> tuple[Gate, float]:
        exams = (
            (k, self.learner.adapt(prior, support_at(tasks.support, some, tasks.users, known)).scores(), tasks)
            for k, some, tasks in judges.tasks()
        )
        return Gate.learned(exams, popularity)

    def _longer(self, catalogue: Catalogue, more: Arrays) -> Self:
        """Return a copy for a longer catalogue; nobody likes the new items yet.

        Args:
            catalogue: the old items and the new ones behind them.
            more: the new items' rows of every array that has one an item.
        """
        new = np.zeros(len(catalogue) - len(self.catalogue), np.float32)
        more = more | {"popularity": new}
        model = copy.copy(self)
        model._catalogue = catalogue  # noqa: SLF001  of the same class
        model._bind(self.known, self.prior | {name: _joined(self.prior[name], rows) for name, rows in more.items()})  # noqa: SLF001
        return model

    def _bind(self, known: UserContext | None, prior: Arrays) -> None:
        self.known, self.prior = known, prior
        self.context_encoder = Reading(known, None)

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes of a person that are read."""
        return () if self.known is None else tuple(one.name for one in self.known.encoder.attributes)

    def adapt(self, support: Support) -> Adapted:
        """Specialise the prior to each person of a batch: the learner's answer, before the gate."""
        return self.learner.adapt(self.prior, support)

    def support(self, histories: Histories, context: Context) -> Support:
        """Return what the learner reads of a batch of people."""
        told = None if context.attributes is None else context.attributes.toarray()
        return ValuedSupport.of(histories, self.catalogue.like_from, told)

    def _score(self, histories: Histories, context: Context) -> Floats:
        support, popularity = self.support(histories, context), self.prior["popularity"]
        told = support.attributes
        known = support.counts > 0 if told is None else (support.counts > 0) | told.any(axis=1)
        scores = self.adapt(support).scores()
        scores -= popularity
        scores *= (self.gate.at(support.counts) * known)[:, None]
        scores += popularity
        return scores

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header: dict[str, Any] = {"gate": list(self.gate.openings), "quality": self.quality, "attributes": None}
        header["values"] = self.told_values
        header["arrays"] = {name: list(array.shape) for name, array in self.prior.items()}
        header["kinds"] = {name: array.dtype.kind for name, array in self.prior.items()}
        if self.known is None:
            return header, self.prior
        header["attributes"] = self.known.encoder.to_header()
        return header, self.prior | {"attributes.mean": self.known.mean}

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        known = None
        if header["attributes"] is not None:
            encoder = FeatureEncoder.from_header(header["attributes"])
            known = UserContext(encoder, array_of(arrays, "attributes.mean", (len(encoder.names),)))
        openings = [float(one) for one in header["gate"]]
        self.gate, self.quality = Gate(tuple(openings)), float(header["quality"])
        self.told_values = bool(header.get("values", False))
        shapes = {name: tuple(shape) for name, shape in header["arrays"].items()}
        kinds = header.get("kinds") or {name: "i" if name == "contrast" else "f" for name in shapes}
        prior = {name: array_of(arrays, name, shape, kinds[name]) for name, shape in shapes.items()}
        if len(openings) != len(ANCHORS) or prior["popularity"].shape != (len(self.catalogue),):
            raise ValueError("the gate or the items do not fit")
        self._bind(known, prior)


class PlacingRecommender(LearnerRecommender):
    """Serves a learner that makes vectors, and places items nobody met among them by their text."""

    placing: ItemRows | None = None
    """How rows are foretold; None where no text is read."""

    def with_items(self, frame: Any) -> Self:
        """Return a new model whose catalogue ends in the items of ``frame``; see ``TakesNewItems``."""
        catalogue, table = read_new_items(self.catalogue, frame)
        titles = catalogue.titles[len(self.catalogue) :]
        if self.placing is not None:
            return self._longer(catalogue, self.placing.new(table, titles))
        # without text they say nothing, and nothing is said of them
        rows = self._item_rows(self.prior).items()
        return self._longer(
            catalogue, {name: np.zeros((len(titles), *one.shape[1:]), np.float32) for name, one in rows}
        )

    def _placed(self, prior: Arrays, data: Dataset, run: Run) -> Arrays:
        rows, counts = self._item_rows(prior), np.asarray(learned(data, "likes").sum(axis=0)).ravel()
        self.placing = ItemRows.fit(data, rows, counts, self.config.text, run)  # type: ignore[attr-defined]
        return prior if self.placing is None else prior | self.placing.placed(data, rows, counts)

    def _item_rows(self, prior: Arrays) -> Arrays:
        names: tuple[str, ...] = self.learner.item_arrays  # type: ignore[attr-defined]
        return {name: prior[name] for name in names if name in prior}

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header, arrays = super()._state()
        placing, more = (None, {}) if self.placing is None else self.placing.state()
        return header | {"placing": placing}, arrays | more

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        super()._restore(header, arrays)
        self.placing = None if header.get("placing") is None else ItemRows.of_state(header["placing"], arrays)


class ForetellingRecommender(LearnerRecommender):
    """Serves a learner whose adapted people have ``values()``: it foretells values too."""

    def predict_values(self, histories: Histories, users: Any | None = None) -> Floats:
        """Return the value that each user would give each item, float32 [n, n_items].

        Raises:
            BadInput: the model was trained without values.
        """
        if not self.told_values:
            raise BadInput("This model was trained without values. Train it on data with likes and dislikes.")
        found = self.adapt(self.support(histories, self.encode(users, None)))
        assert isinstance(found, AdaptedValues)  # noqa: S101  narrows the type
        return found.values()


def support_at(histories: Histories, data: Dataset, users: Ints, known: UserContext | None) -> Support:
    """Return what a learner reads of some users of a data set.

    Args:
        histories: what is shown of each.
        data: where they come from.
        users: int64 [n], their rows.
        known: how attributes are read; None reads none.
    """
    people = None if known is None else attributes_of(data, users)
    told = None if people is None or known is None else known.centred(people)
    return ValuedSupport.of(histories, data.like_from, told)


class Servable(Learner[Arrays], Protocol):
    """A learner with a name and settings."""

    name: ClassVar[str]
    config_class: ClassVar[Any]

    def __init__(self, config: Any = None) -> None: ...


def _joined(old: Floats, new: Floats) -> Floats:
    return np.concatenate([old, new.reshape(-1, *old.shape[1:])])


def served(learner: type[Servable], base: type | None = None) -> type[LearnerRecommender]:
    """Return the recommender that serves a learner, under the learner's name and with its settings.

    Args:
        learner: the learner.
        base: what it can do beside ranking: ``ForetellingRecommender`` where adapted people have ``values()``. None
            takes new items where the learner makes vectors.

    Example:
        >>> from warmstart.meta.learners.ridge import R2D2
        >>> from warmstart.meta.learners.served import served
        >>> served(R2D2).name
        'r2d2'
    """
    base = base or (PlacingRecommender if issubclass(learner, VectorLearner) else LearnerRecommender)
    about = {
        "name": learner.name,
        "config_class": learner.config_class,
        "learner": property(lambda self: learner(self.config)),
        "__doc__": learner.__doc__,
        "__module__": learner.__module__,
    }
    return type(f"{learner.__name__}Recommender", (base,), about)


ANILRecommender = served(ANIL)
AttentiveRecommender = served(Attentive)
CNPRecommender = served(CNP)
FirstOrderMAMLRecommender = served(FirstOrderMAML)
MAMLRecommender = served(MAML)
MetaSGDRecommender = served(MetaSGD)
PrototypesRecommender = served(Prototypes)
R2D2Recommender = served(R2D2)
ReptileRecommender = served(Reptile)
