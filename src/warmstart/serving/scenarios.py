"""How a list is chosen for somebody: by the place that it is for, and by the arm of the experiment that she is in."""

import hashlib

from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.errors import BadInput
from warmstart.serving.answers import InExperiment
from warmstart.serving.settings import Experiment, LiveConfig

GRAIN = 2**64


def policy_for(
    config: LiveConfig, scenario: str | None, tenant: str, subject: str
) -> tuple[PolicyConfig, InExperiment | None]:
    """Return how to choose, and the arm of the experiment if one is about this list.

    Args:
        config: how the engine is set.
        scenario: what the request named.
        tenant: whose service it is.
        subject: who is answered; an experiment is about people who are kept, so nobody else is in it.

    Raises:
        BadInput: there is no such scenario; the message names those there are.

    Example:
        >>> from warmstart.serving.scenarios import policy_for
        >>> from warmstart.serving.settings import LiveConfig
        >>> config = LiveConfig.of(scenarios={"mail": {"diversity": 0.5}})
        >>> policy_for(config, "mail", "shop", "user:ann")[0].diversity
        0.5
        >>> policy_for(config, "post", "shop", "user:ann")
        Traceback (most recent call last):
        warmstart.core.errors.BadInput: scenario: there is no 'post'. There are: mail.
    """
    if scenario is not None and scenario not in config.scenarios:
        known = f"There are: {', '.join(config.scenarios)}." if config.scenarios else "None is configured."
        raise BadInput(f"scenario: there is no {scenario[:80]!r}. {known}")
    experiment = config.experiment
    if experiment is not None and experiment.scenario == scenario and subject:
        arm = arm_of(experiment, tenant, subject)
        return experiment.arms[arm].policy, InExperiment(experiment.key, arm)
    return (config.policy if scenario is None else config.scenarios[scenario]), None


def arm_of(experiment: Experiment, tenant: str, subject: str) -> str:
    """Return the arm that somebody is in: a hash of who she is, so that every process knows it and it never changes.

    Example:
        >>> from warmstart.serving.scenarios import arm_of
        >>> from warmstart.serving.settings import Experiment
        >>> experiment = Experiment.of(key="bolder", arms={"usual": {"share": 9}, "bold": {"share": 1}})
        >>> arms = [arm_of(experiment, "shop", f"user:{number}") for number in range(1000)]
        >>> 60 < arms.count("bold") < 140
        True
    """
    text = f"{experiment.key}\0{tenant}\0{subject}".encode()
    place = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / GRAIN
    left = place * sum(arm.share for arm in experiment.arms.values())
    for name, arm in experiment.arms.items():
        left -= arm.share
        if left < 0:
            return name
    return next(reversed(experiment.arms))
