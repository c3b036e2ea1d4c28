"""How the live engine behaves."""

from warmstart.adaptation.feedback import Feedback
from warmstart.adaptation.policy import PolicyConfig
from warmstart.core.config import Config


class LiveConfig(Config):
    """How the live engine behaves."""

    feedback: Feedback = Feedback()
    """What each type of event says, how fast it ages, and how many are read."""

    policy: PolicyConfig = PolicyConfig(fill=False)
    """How a list is made of scores, where a request does not say otherwise; a list may be short but never empty."""

    seed: int | None = None
    """Seed of what exploration leaves to chance; None draws one."""
