"""A language model as a row of the few-shot table: it is asked, and learns nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from warmstart.core.histories import Floats
from warmstart.meta.preference import Prompt
from warmstart.recommenders.llm_asking import NOTHING, LlmRankingConfig, Taste, log_odds, title_log_odds
from warmstart.representation.language_model import LanguageModel


@dataclass(frozen=True)
class ModelJudge:
    """A language model that is asked yes or no of each prompt; it learns nothing from examples.

    Args:
        model: gives log-probabilities.
        config: how it is asked; calibrated, what it says of the title to nobody, and of no title to this person, is
            taken off (Zhao et al., 2021).
    """

    model: LanguageModel
    config: LlmRankingConfig = LlmRankingConfig(calibrated=False)
    reads_order: ClassVar[bool] = True

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "ModelJudge":
        """Return itself."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the log-odds of yes."""
        tastes = [Taste(one.liked, one.disliked) for one in prompts]
        titles = [one.target for one in prompts]
        said = log_odds(self.model, tastes, titles, self.config)
        if self.config.calibrated:
            said = said - title_log_odds(self.model, titles, self.config)
            said = said - log_odds(self.model, tastes, [NOTHING] * len(prompts), self.config)
        return said.astype(np.float32)
