"""How the live engine behaves."""

from warmstart.adaptation.drift import DriftConfig
from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.settings import PolicyConfig
from warmstart.core.config import Config


class LiveConfig(Config):
    """How the live engine behaves."""

    feedback: Feedback = Feedback()
    """What each type of event says, how fast it ages, and how many are read."""

    notice_drift: bool = False
    """Look for changes of taste, after which older events fade. It takes a dozen rankings of all items for the first
    answer after each event of somebody with six likes or more, so it is off unless asked for, and left out beyond
    20,000 items."""

    drift: DriftConfig = DriftConfig()
    """When a change of taste is believed, and what becomes of the events before it."""

    policy: PolicyConfig = PolicyConfig(fill=False)
    """How a list is made of scores, where a request does not say otherwise; a list may be short but never empty."""

    seed: int | None = None
    """Seed of what exploration leaves to chance; None draws one."""
