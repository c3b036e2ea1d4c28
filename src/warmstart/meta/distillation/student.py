"""The student: a large recommender's answers in a form that takes microseconds.

A language model's yes or no has a student of its own: ``meta.distil_ranker``.
"""

from typing import Any, ClassVar, Self

from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput
from warmstart.core.histories import Floats, Histories
from warmstart.core.run import Run
from warmstart.core.threads import one_thread
from warmstart.data.dataset import Dataset
from warmstart.meta.distillation.fit import Chosen, learned
from warmstart.meta.distillation.form import Form
from warmstart.meta.distillation.settings import StudentConfig
from warmstart.meta.distillation.teacher import graded
from warmstart.recommenders.base import Recommender
from warmstart.recommenders.profile import Contribution
from warmstart.recommenders.table import recommender
from warmstart.representation.context import Context


class Student(Recommender):
    """Answers as a larger recommender would, by adding one row an event (a k-shot prior fitted to what that one says).

    Attributes and sentences are not read.

    Source: Buciluă, Caruana and Niculescu-Mizil (2006); Hinton, Vinyals and Dean (2015); for rankings Tang and Wang
    (2018).

    Example:
        >>> import warmstart as ws
        >>> data = ws.load_dataset("movielens-small")
        >>> teacher = {"teacher": "item_knn", "teacher_settings": {"neighbours": 20}}
        >>> student = ws.recommender("student", **teacher, each=100, rank=16).fit(data)
        >>> why = student.profile([1196]).explain(260)
        >>> abs(sum(part.amount for part in why) - why.score) < 1e-4
        True
    """

    name = "student"
    config_class = StudentConfig
    config: StudentConfig
    tunes_itself: ClassVar[bool] = True

    def learn_from(
        self, teacher: Recommender, data: Dataset, *, validation: Dataset | None = None, run: Run | None = None
    ) -> Self:
        """Learn from a recommender that is fitted already, and return self; see ``distil``."""
        if teacher.catalogue != data.catalogue:
            raise BadInput("Teacher and data have different items. Distil with the data that the teacher learned from.")
        self._learn(teacher, data, validation, run or Run())
        self._catalogue = data.catalogue
        return self

    def _fit(self, data: Dataset, validation: Dataset | None, run: Run) -> None:
        teacher = None
        if self.config.lessons != "likes":
            teacher = recommender(self.config.teacher, **self.config.teacher_settings)
            teacher.fit(data, validation=validation, run=run)
        self._learn(teacher, data, validation, run)

    def _learn(self, teacher: Recommender | None, data: Dataset, validation: Dataset | None, run: Run) -> None:
        with one_thread():
            self.chosen = learned(teacher, data, validation, self.config, run)

    @property
    def form(self) -> Form:
        """What was learned."""
        return self.chosen.form

    def contributions(self, history: Histories, context: Context, item: int) -> list[Contribution]:
        """Return the constant's part and each event's part of an item's score; see ``Explains``."""
        support = graded(history, self.catalogue.like_from)
        start, events = self.form.contributions(support.items, support.weights, support.count_of_one, item)
        parts = [Contribution("prior", "everyone", start)]
        for place, amount in zip(support.items.tolist(), events.tolist(), strict=True):
            parts.append(Contribution("event", self.catalogue.titles[place], amount, place))
        return parts

    def _score(self, histories: Histories, context: Context) -> Floats:
        if len(histories) != 1:
            return self.form.scores(graded(histories, self.catalogue.like_from))
        return self._score_one(histories)[None]

    def _score_one(self, history: Histories) -> Floats:
        """Score for one person; that all her events are likes is the usual case, and the quick one."""
        like_from, items = self.catalogue.like_from, history.items.tolist()
        plain = like_from is None or not items or min(history.values.tolist()) >= like_from
        if plain and history.weights is None:
            return self.form.one(items, None, len(items))
        support = graded(history, like_from)
        return self.form.one(items, support.weights, support.count_of_one)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        header, arrays = self.form.state()
        chosen = {name: getattr(self.chosen, name) for name in ("ridge", "likes_share", "ndcg")}
        return header | chosen, arrays

    def _restore(self, header: dict[str, Any], arrays: Arrays) -> None:
        form = Form.restore(header, arrays, len(self.catalogue))
        numbers = (float(header[name]) for name in ("ridge", "likes_share", "ndcg"))
        self.chosen = Chosen(form, form.exponent, *numbers)
