"""Settings are declared once, refuse what they do not know, and say every fault at once."""

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from warmstart.core.config import Config, Tunable, tunables
from warmstart.core.errors import BadConfig


class Kettle(Config):
    """Settings of a kettle."""

    degrees: Annotated[float, Field(ge=0), Tunable(40, 100)] = 90.0
    """Heat of the water in degrees Celsius."""

    leaves: Annotated[Literal["green", "black"], Tunable(choices=("green", "black"))] = "black"
    """What is brewed."""

    lid: bool = True


def test_a_fields_docstring_is_its_help():
    assert Kettle.model_fields["degrees"].description == "Heat of the water in degrees Celsius."


def test_all_faults_are_said_at_once():
    with pytest.raises(BadConfig) as caught:
        Kettle.of(degrees=-1, leaves="red", sugar=2)
    message = str(caught.value)
    for part in ("degrees", "leaves", "sugar", "came: -1", "came: 'red'", "came: 2"):
        assert part in message


def test_settings_are_frozen():
    kettle: Any = Kettle()
    with pytest.raises(ValidationError):
        kettle.degrees = 50


def test_only_marked_settings_are_tuned():
    assert list(tunables(Kettle)) == ["degrees", "leaves"]


@given(st.integers(0, 2**32), st.floats(0.01, 10), st.floats(1, 100))
def test_draws_lie_in_their_range(seed, low, factor):
    rng = np.random.default_rng(seed)
    for log in (False, True):
        assert low * (1 - 1e-9) <= Tunable(low, low * factor, log=log).draw(rng) <= low * factor * (1 + 1e-9)
    assert Tunable(choices=("a", None)).draw(rng) in ("a", None)


def test_logarithmic_draws_are_even_in_the_logarithm():
    rng = np.random.default_rng(0)
    draws = np.log10([Tunable(1, 1e4, log=True).draw(rng) for _ in range(2000)])
    assert abs(draws.mean() - 2) < 0.1
    assert abs((draws < 1).mean() - 0.25) < 0.04


def test_names_may_come_as_one_text_with_commas() -> None:
    class Columns(Config):
        read: tuple[str, ...] | None = None
        label: str = ""

    assert Columns.of(read="title, genres", label="a,b") == Columns(read=("title", "genres"), label="a,b")
    assert Columns.of(read=["title"]).read == ("title",)
