"""Bars and log lines let everything through, whatever is nested, broken off or empty."""

import logging

import pytest

from warmstart.cli.app import main
from warmstart.cli.sketch import sketch
from warmstart.cli.terminal import Bars, Lines, Terminal


@pytest.mark.parametrize("progress", [Bars(), Lines()], ids=["bars", "lines"])
class TestProgress:
    def test_everything_comes_through_in_order(self, progress):
        pairs = [(a, b) for a in progress.track(range(3), "outer") for b in progress.track(iter("xy"), "inner", 2)]
        assert pairs == [(a, b) for a in range(3) for b in "xy"]

    def test_work_can_be_broken_off_and_begun_again(self, progress):
        for number in progress.track(range(5), "first"):
            if number == 2:
                break
        assert list(progress.track([], "nothing")) == []
        assert list(progress.track(range(2), "second")) == [0, 1]


def test_bars_are_gone_when_the_work_is_done(capsys):
    bars = Bars()
    list(bars.track(range(3), "work"))
    assert bars._bars is None
    assert capsys.readouterr().out == ""


def test_short_work_is_not_logged(caplog):
    with caplog.at_level(logging.INFO, logger="warmstart"):
        list(Lines().track(range(3), "work"))
    assert caplog.records == []


def test_what_is_no_markup_is_shown_as_it_is(capsys):
    terminal = Terminal()
    terminal.show(terminal.plain("[bold]not markup[/bold] [0.1, 0.2]"))
    assert capsys.readouterr().out == "[bold]not markup[/bold] [0.1, 0.2]\n"


def test_the_log_of_the_library_is_heard_only_while_a_command_runs(capsys):
    logger = logging.getLogger("warmstart")
    before = list(logger.handlers)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert logger.handlers == before
    assert capsys.readouterr().out.startswith("warmstart ")


def test_a_sketch_has_a_mark_for_every_point_even_with_gaps():
    drawn = sketch({"a": {0: 0.1, 5: 0.4}, "b": {5: 0.2, 20: 0.3}}, height=5)
    lines = drawn.splitlines()
    assert sum(line.count("●") for line in lines[:5]) == 2
    assert sum(line.count("○") for line in lines[:5]) == 2
    assert lines[-1] == "○ a  ● b"


def test_a_sketch_of_nothing_is_nothing():
    assert sketch({}) == ""
