"""A language model as a row of the few-shot table: it is asked, and learns nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from warmstart.core.histories import Floats
from warmstart.meta.preference import Prompt
from warmstart.meta.preference_lines import NO, YES, lines_of
from warmstart.recommenders.llm_asking import NOTHING, LlmRankingConfig, Taste, log_odds, title_log_odds
from warmstart.representation.language_model import LanguageModel


@dataclass(frozen=True)
class ModelJudge:
    """A language model that is asked yes or no of each prompt; it learns nothing from examples.

    Args:
        model: gives log-probabilities; for lines it goes on with texts (``chat=False``).
        config: how it is asked a question; calibrated, what it says of the title to nobody, and of no title to this
            person, is taken off (Zhao et al., 2021).
        form: ``question`` puts one, ``lines`` lets the model go on with a list of titles and answers.
    """

    model: LanguageModel
    config: LlmRankingConfig = LlmRankingConfig(calibrated=False)
    form: Literal["question", "lines"] = "question"
    reads_order: ClassVar[bool] = True

    def fit(self, prompts: Sequence[Prompt], validation: Sequence[Prompt] = ()) -> "ModelJudge":
        """Return itself."""
        return self

    def score(self, prompts: Sequence[Prompt]) -> Floats:
        """Return the log-odds of yes."""
        if self.form == "lines":
            return self._continued(prompts)
        tastes = [Taste(one.liked, one.disliked) for one in prompts]
        titles = [one.target for one in prompts]
        said = log_odds(self.model, tastes, titles, self.config)
        if self.config.calibrated:
            said = said - title_log_odds(self.model, titles, self.config)
            said = said - log_odds(self.model, tastes, [NOTHING] * len(prompts), self.config)
        return said.astype(np.float32)

    def _continued(self, prompts: Sequence[Prompt]) -> Floats:
        texts = [lines_of(one) for one in prompts]
        # the two words of a text stand together, so that they share its pass
        twice, words = [text for text in texts for _ in range(2)], [YES, NO] * len(texts)
        found = np.asarray(self.model.log_probability(twice, words), dtype=np.float32).reshape(-1, 2)
        return found[:, 0] - found[:, 1]
