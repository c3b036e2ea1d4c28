"""The settings of a student."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from warmstart.core.config import Config, Tunable

Lessons = Literal["adapted", "histories", "vectors", "likes"]


class StudentConfig(Config):
    """Settings of ``student``; what is None is chosen on held-out users."""

    teacher: str = "meta"
    """Name of the recommender that is trained first and then learned from; `distil` takes one that is trained."""
    teacher_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of the teacher."""
    lessons: Lessons = "adapted"
    """What is learned: ``adapted``, the teacher's scores after few events; ``histories``, its scores of whole histories
    alone; ``vectors``, what it makes of a person after few events, of learners; ``likes``, no teacher's word at all."""
    each: Annotated[int, Field(ge=1)] = 5000
    """Lessons of each number of events (1, 2, 3, 5, 10, 20)."""
    exponent: Annotated[float | None, Field(ge=0, le=1), Tunable(0.0, 1.0)] = None
    """How much less an event says beside many others: 0 adds the rows of events up, 1 takes their mean."""
    ridge: Annotated[float | None, Field(gt=0), Tunable(1, 1000, log=True)] = None
    """Lessons' worth of shrinkage towards what the teacher says of each event alone."""
    likes_share: Annotated[float | None, Field(ge=0, le=1), Tunable(0.0, 0.5)] = None
    """Share of the likes that stay hidden in what is learned from, beside the teacher's scores."""
    rank: Annotated[int | None, Field(ge=1)] = None
    """Length of items' vectors where rows are not written out; None writes them out up to 5,000 items, else 256."""
    columns: Annotated[int | None, Field(ge=1)] = None
    """Items that events speak for, those that the teacher lists most; all others keep what is said to anybody."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.teacher == "student":
            raise ValueError("a student cannot be its own teacher; name another recommender")
        if self.columns is not None and self.rank is not None:
            raise ValueError("columns are for rows that are written out; leave rank out")
        return self
