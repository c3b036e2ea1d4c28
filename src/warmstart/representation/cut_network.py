"""A causal network cut in two: what lies below the cut is computed once a text, what lies above it can be trained."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmstart.representation.causal_network import lower_layers, of_like_length, upper_layers
from warmstart.representation.causal_weights import Vocabulary
from warmstart.representation.sharing import Tokens
from warmstart.representation.training_loop import mixed_precision

if TYPE_CHECKING:
    import torch

REMEMBERED = 2 * 2**30
"""Bytes of states of lower layers that are kept, so that an epoch after the first need not compute them again."""


class CutNetwork:
    """A causal network whose lower layers stay as they are, and are computed once a row.

    Not safe to use from several threads at once.

    Args:
        model: a causal model of transformers, nobody else's.
        vocabulary: of that model.
        top: how many of its highest layers lie above the cut; None, or more than there are, takes all.
        remember: bytes of lower states that are kept.
    """

    def __init__(self, model: Any, vocabulary: Vocabulary, top: int | None, remember: int = REMEMBERED) -> None:
        self.layers = int(model.config.num_hidden_layers)
        self.top = self.layers if top is None else min(top, self.layers)
        self.model, self.vocabulary, self.device = model, vocabulary, model.device
        decoder = model.get_decoder()
        self._lower = lower_layers(decoder, self.layers - self.top)
        self._upper = upper_layers(decoder, self.layers - self.top)
        self._head = model.get_output_embeddings()
        self._states: OrderedDict[Tokens, torch.Tensor] = OrderedDict()
        self._bytes, self._remembered = 0, remember

    @property
    def trainable(self) -> "dict[str, torch.nn.Parameter]":
        """The weights that are trained, by name."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}

    def preferences(
        self, rows: Sequence[Tokens], places: Sequence[Sequence[int]], words: tuple[int, int]
    ) -> "list[torch.Tensor]":
        """Return by how much the first word is likelier than the second behind some places of each row.

        Args:
            rows: tokens, none empty.
            places: of each row, the tokens behind which it is asked.
            words: two tokens.

        Returns:
            log-odds, float32 [len(places[i])] for each row, with a gradient where one is wanted.
        """
        weight, bias = self._head.weight, getattr(self._head, "bias", None)
        turned = (weight[words[0]] - weight[words[1]]).float()
        shift = 0.0 if bias is None else (bias[words[0]] - bias[words[1]]).float()
        found: list[torch.Tensor] = [turned[:0]] * len(rows)
        for some in of_like_length(rows):
            states = self._above([rows[place] for place in some])
            for row, place in enumerate(some):
                found[place] = states[row, list(places[place])].float() @ turned + shift
        return found

    def surprise(self, rows: Sequence[Tokens]) -> "torch.Tensor":
        """Return the mean negative log-probability of each token but the first, given those before it, in nats.

        Args:
            rows: tokens, at least two each.
        """
        import torch

        lost, counted = torch.zeros((), device=self.device), 0
        for some in of_like_length(rows):
            states = self._above([rows[place] for place in some])
            inner = torch.cat([states[row, : len(rows[place]) - 1] for row, place in enumerate(some)])
            wanted = torch.tensor([token for place in some for token in rows[place][1:]], device=self.device)
            with mixed_precision(self.device):
                logits = self._head(inner)
            lost = lost + torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")
            counted += len(wanted)
        return lost / counted

    def _above(self, rows: Sequence[Tokens]) -> "torch.Tensor":
        import torch

        below = torch.nn.utils.rnn.pad_sequence(self._below(rows), batch_first=True)
        with mixed_precision(self.device):
            states: torch.Tensor = self._upper(inputs_embeds=below, use_cache=False).last_hidden_state
        return states

    def _below(self, rows: Sequence[Tokens]) -> "list[torch.Tensor]":
        """Return the states under the cut, which no training changes."""
        import torch

        known = self._states if len(rows) > 1 else {}
        new = list(dict.fromkeys(row for row in rows if row not in known))
        fresh: dict[Tokens, torch.Tensor] = {}
        if new:
            longest = max(map(len, new))
            inputs = torch.tensor([[*row, *[0] * (longest - len(row))] for row in new], device=self.device)
            with torch.no_grad(), mixed_precision(self.device):
                states = self._lower(input_ids=inputs, use_cache=False).last_hidden_state.float()
            fresh = {row: states[place, : len(row)].clone() for place, row in enumerate(new)}
        found = [fresh[row] if row in fresh else known[row] for row in rows]
        if len(rows) > 1:  # a lone answer comes once
            for row, states in fresh.items():
                self._remember(row, states)
        return found

    def _remember(self, row: Tokens, states: "torch.Tensor") -> None:
        self._states[row] = states
        self._bytes += states.nbytes
        while self._bytes > self._remembered:
            _, old = self._states.popitem(last=False)
            self._bytes -= old.nbytes
