"""Learners as recommenders: of the name table, in every contract, command and server."""

from abc import abstractmethod
from typing import Any

from warmstart.core.artefact import Arrays, array_of
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.core.tasks import Tasks
from warmstart.core.threads import one_thread
from warmstart.data.dataset import Dataset
from warmstart.data.features import FeatureEncoder
from warmstart.meta.context import Reading, UserContext
from warmstart.meta.evidence import TRAINING_DISLIKE, support_of
from warmstart.meta.learners.gate import ANCHORS, Gate
from warmstart.meta.learners.gradient import ANIL, MAML, FirstOrderMAML, MetaSGD
from warmstart.meta.learners.judges import Judges, attributes_of
from warmstart.meta.learners.learner import VectorLearner, Vectors
from warmstart.meta.learners.process import CNP, Attentive
from warmstart.meta.learners.prototypes import Prototypes
from warmstart.meta.learners.reptile import Reptile
from warmstart.meta.learners.ridge import R2D2
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.parameters import MetaParameters
from warmstart.meta.prior import Support
from warmstart.recommenders.base import Recommender
from warmstart.representation.context import Context

EVIDENCE = MetaParameters(dislike_weight=TRAINING_DISLIKE)
"""What events weigh: as in the training tasks."""


class LearnerRecommender(Recommender):
    """Serves a learner: fitting is its introspective phase, scoring its extrospective one, behind a learned gate."""

    @property
    @abstractmethod
    def learner(self) -> VectorLearner:
        """The learner, with the settings of this recommender."""

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        with one_thread():
            known, judges, learner = UserContext.fit(data), Judges.of(data, validation, run), self.learner
            popularity = TaskSet.of(data).shares

            def gated(prior: Arrays) -> tuple[Gate, float]:
                exams = (
                    (k, learner.adapt(prior, _support(tasks, some, known)).scores(), tasks)
                    for k, some, tasks in judges.tasks()
                )
                return Gate.learned(exams, popularity)

            tasks = TaskSet.of(data.take_users(judges.train), known)
            judged = any(len(one) for _, _, one in judges.tasks())
            prior = learner.fit(tasks, validate=(lambda prior: -gated(prior)[1]) if judged else None, run=run)
            self.gate, self.quality = gated(prior)
            self._bind(known, {**prior, "popularity": popularity})

    def _bind(self, known: UserContext | None, prior: Arrays) -> None:
        self.known, self.prior = known, prior
        self.context_encoder = Reading(known, None)

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes of a person that are read."""
        return () if self.known is None else tuple(one.name for one in self.known.encoder.attributes)

    def adapt(self, support: Support) -> Vectors:
        """Specialise the prior to each person of a batch: the learner's answer, before the gate."""
        return self.learner.adapt(self.prior, support)

    def _score(self, histories: Histories, context: Context) -> Floats:
        told = None if context.attributes is None else context.attributes.toarray()
        support = support_of(histories, self.catalogue.like_from, EVIDENCE, told)
        found, popularity = self.adapt(support), self.prior["popularity"]
        known = support.counts > 0 if told is None else (support.counts > 0) | told.any(axis=1)
        opening = (self.gate.at(support.counts) * known)[:, None]
        scores: Floats = (found.vectors * opening) @ found.items.T
        scores += popularity
        scores += opening * (found.bias - popularity)
        return scores

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header: dict[str, Any] = {"gate": list(self.gate.openings), "quality": self.quality, "attributes": None}
        header["arrays"] = {name: list(array.shape) for name, array in self.prior.items()}
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
        shapes = {name: tuple(shape) for name, shape in header["arrays"].items()}
        kinds = {name: "i" if name == "contrast" else "f" for name in shapes}
        prior = {name: array_of(arrays, name, shape, kinds[name]) for name, shape in shapes.items()}
        if len(openings) != len(ANCHORS) or prior["popularity"].shape != (len(self.catalogue),):
            raise ValueError("the gate or the items do not fit")
        self._bind(known, prior)


def _support(tasks: Tasks, data: Dataset, known: UserContext | None) -> Support:
    people = None if known is None else attributes_of(data, tasks.users)
    return support_of(
        tasks.support, data.like_from, EVIDENCE, None if people is None or known is None else known.centred(people)
    )


def served(learner: type[VectorLearner]) -> type[LearnerRecommender]:
    """Return the recommender that serves a learner, under the learner's name and with its settings.

    Example:
        >>> from warmstart.meta.learners.ridge import R2D2
        >>> from warmstart.meta.learners.served import served
        >>> served(R2D2).name
        'r2d2'
    """
    about = {
        "name": learner.name,
        "config_class": learner.config_class,
        "learner": property(lambda self: learner(self.config)),
        "__doc__": learner.__doc__,
        "__module__": learner.__module__,
    }
    return type(f"{learner.__name__}Recommender", (LearnerRecommender,), about)


ANILRecommender = served(ANIL)
AttentiveRecommender = served(Attentive)
CNPRecommender = served(CNP)
FirstOrderMAMLRecommender = served(FirstOrderMAML)
MAMLRecommender = served(MAML)
MetaSGDRecommender = served(MetaSGD)
PrototypesRecommender = served(Prototypes)
R2D2Recommender = served(R2D2)
ReptileRecommender = served(Reptile)
