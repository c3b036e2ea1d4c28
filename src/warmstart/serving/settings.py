"""How the live engine behaves."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.settings import DriftConfig, PolicyConfig
from warmstart.core.config import Config
from warmstart.explanation.lexicon import NOUNS


def _noun(what: str) -> str:
    if what not in NOUNS:
        message = f"items can be called {', '.join(NOUNS)}"
        raise ValueError(message)
    return what


class Arm(Config):
    """One arm of an experiment."""

    share: float = Field(1.0, gt=0)
    """How many people get it, beside the other arms' shares."""

    policy: PolicyConfig = PolicyConfig(fill=False)
    """How their lists are made of scores."""


class Experiment(Config):
    """People who are answered in different ways, each always in the same."""

    key: str = Field(min_length=1, max_length=64)
    """Its name: answers carry it, and another name deals people to arms anew."""

    scenario: str | None = None
    """The scenario whose lists it is about; None for those that name none."""

    arms: dict[str, Arm] = Field(min_length=2)
    """The arms by name."""


class LiveConfig(Config):
    """How the live engine behaves."""

    feedback: Feedback = Feedback()
    """What each type of event says, how fast it ages, and how many are read."""

    notice_drift: bool = False
    """Look for changes of taste, after which older events fade; looked for by the first answer after each event of
    somebody with eight likes or more, in catalogues of up to 20,000 items. Off unless asked for: she waits for it."""

    drift: DriftConfig = DriftConfig()
    """When a change of taste is believed, and what becomes of the events before it."""

    policy: PolicyConfig = PolicyConfig(fill=False)
    """How a list is made of scores, where a request does not say otherwise; a list may be short but never empty."""

    scenarios: dict[str, PolicyConfig] = Field(default_factory=dict)
    """Other ways to make a list, by the name that a request gives: home, basket, mail. What one leaves out is as in
    ``policy``."""

    experiment: Experiment | None = None
    """An experiment that runs; whoever asks belongs to one of its arms. What an arm leaves out is as in ``policy``."""

    log_lists: Literal["chance", "all"] = "chance"
    """Which lists are logged, and can be rewarded: those that were left to chance, or all. Each is a write more."""

    what: Annotated[str, AfterValidator(_noun)] = "title"
    """What items are called where the service writes texts: film, book, song, game, course, article, video, product,
    recipe, place and others that are named where one is not known."""

    seed: int | None = None
    """Seed of what exploration leaves to chance; None draws one."""

    @model_validator(mode="before")
    @classmethod
    def _as_in_policy(cls, given: Any) -> Any:
        """Fill in what policies leave out, where they come as plain mappings: as served here, then as in ``policy``."""
        if not isinstance(given, dict):
            return given
        usual = given.get("policy", {})
        usual = usual.model_dump() if isinstance(usual, PolicyConfig) else _over({"fill": False}, usual)
        if not isinstance(usual, dict):
            return given  # which is a fault that pydantic names
        found = given | {"policy": usual}
        if isinstance(given.get("scenarios"), dict):
            found["scenarios"] = {name: _over(usual, told) for name, told in given["scenarios"].items()}
        experiment = given.get("experiment")
        if isinstance(experiment, dict) and isinstance(experiment.get("arms"), dict):
            arms = {name: _arm_over(usual, arm) for name, arm in experiment["arms"].items()}
            found["experiment"] = experiment | {"arms": arms}
        return found

    @model_validator(mode="after")
    def _about_a_scenario(self) -> Self:
        wanted = None if self.experiment is None else self.experiment.scenario
        if wanted is not None and wanted not in self.scenarios:
            message = f"experiment.scenario: there is no scenario {wanted!r}"
            raise ValueError(message)
        return self


def _over(usual: dict[str, Any], told: Any) -> Any:
    return usual | told if isinstance(told, dict) else told


def _arm_over(usual: dict[str, Any], arm: Any) -> Any:
    return arm | {"policy": _over(usual, arm.get("policy", {}))} if isinstance(arm, dict) else arm
