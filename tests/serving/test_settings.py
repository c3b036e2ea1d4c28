"""Settings of the live engine: what scenarios and arms leave out, and what is refused."""

import re
import tomllib
from pathlib import Path

import pytest

from warmstart.core.errors import BadConfig, NotFound
from warmstart.serving.live import Live
from warmstart.serving.settings import LiveConfig

PAGE = Path(__file__).parents[2] / "docs" / "live.md"


def test_the_settings_of_the_guide_are_good():
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = LiveConfig.of(**tomllib.loads(block))
    assert found.scenarios["mail"].diversity == 0.4
    assert found.experiment is not None
    assert found.experiment.arms["bold"].policy.explore == "thompson"


def test_what_scenarios_and_arms_leave_out_is_as_usual():
    arms = {"a": {}, "b": {"policy": {"explore": "ucb"}}}
    found = LiveConfig.of(
        policy={"diversity": 0.2}, scenarios={"x": {"draws": 7}}, experiment={"key": "k", "arms": arms}
    )
    assert found.scenarios["x"] == found.policy.model_copy(update={"draws": 7})
    assert found.experiment is not None
    assert found.experiment.arms["a"].policy == found.policy
    assert found.experiment.arms["b"].policy == found.policy.model_copy(update={"explore": "ucb"})
    assert LiveConfig.of(scenarios={"x": {}}).scenarios["x"] == LiveConfig().policy
    assert LiveConfig.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"policy": 3}, "policy"),
        ({"scenarios": {"x": 3}}, r"scenarios\.x"),
        ({"scenarios": {"x": {"diversty": 1}}}, r"scenarios\.x\.diversty"),
        ({"experiment": {"key": "k", "arms": {"a": {}}}}, r"experiment\.arms"),
        ({"experiment": {"key": "k", "arms": {"a": {"share": 0}, "b": {}}}}, r"arms\.a\.share"),
        ({"experiment": {"key": "k", "scenario": "mail", "arms": {"a": {}, "b": {}}}}, "no scenario 'mail'"),
        ({"experiment": {"key": "k", "arms": {"a": 3, "b": {"policy": 3}}}}, r"arms\.b\.policy"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(settings, says):
    with pytest.raises(BadConfig, match=says):
        LiveConfig.of(**settings)


def test_all_lists_are_logged_where_asked(model, tmp_path):
    for log_lists, logged in (("chance", 0), ("all", 1)):
        live = Live.open(model, f"sqlite:///{tmp_path}/{log_lists}.db", LiveConfig.of(log_lists=log_lists))
        shop = live.tenant("shop")
        shop.record([{"user_id": "ann", "item_id": "b1"}])
        found = shop.recommend("ann", n=3)
        if logged:
            shop.reward(found.recommendation_id, 1.0)
        else:
            with pytest.raises(NotFound):
                shop.reward(found.recommendation_id, 1.0)
        shown = shop.export("ann").recommendations
        assert len(shown) == logged
        live.close()
