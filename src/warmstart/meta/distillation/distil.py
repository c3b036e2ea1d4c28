"""The one door: a fitted teacher in, a small student out."""

from typing import Any

from warmstart.core.run import Run
from warmstart.data.dataset import Dataset
from warmstart.meta.distillation.student import Student
from warmstart.meta.distillation.taught import distil_learner
from warmstart.recommenders.base import Recommender


def distil(
    teacher: Recommender,
    data: Dataset,
    *,
    into: str = "student",
    validation: Dataset | None = None,
    run: Run | None = None,
    **settings: Any,
) -> Recommender:
    """Return a small recommender that answers as a fitted one would, in microseconds.

    Args:
        teacher: a fitted recommender, or several in one; see ``ensemble``.
        data: users whose events are shown to it; those that it learned from will do.
        into: ``student``, in closed form, or the name of a learner of vectors such as ``prototypes``.
        validation: further users to choose by; None holds some of ``data`` out.
        run: seed and progress display.
        **settings: of what is distilled into, such as ``rank`` or ``dimension``.

    Raises:
        BadInput: teacher and data have different items, or the teacher cannot be learned from in this way.

    Example:
        >>> import warmstart as ws
        >>> data = ws.load_dataset("movielens-small")
        >>> teacher = ws.recommender("item_knn").fit(data)
        >>> student = ws.distil(teacher, data, each=100, rank=16)
        >>> len(student.profile().observe(1196).recommend(k=5))
        5
    """
    if into != Student.name:
        return distil_learner(into, teacher, data, validation=validation, run=run, **settings)
    named = {} if teacher.name == Student.name else {"teacher": teacher.name}
    return Student(**(named | settings)).learn_from(teacher, data, validation=validation, run=run)
