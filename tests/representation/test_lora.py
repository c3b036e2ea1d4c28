"""A network cut in two computes what the whole one does, and its low-rank weights come and go without a trace."""

import numpy as np
import pytest

from warmstart.core.errors import BadInput
from warmstart.core.run import Run
from warmstart.representation.causal_model import CausalModel
from warmstart.representation.cut_network import CutNetwork
from warmstart.representation.language_model import open_language_model
from warmstart.representation.lora import LoraConfig, LoraNetwork, config_of
from warmstart.representation.pretraining import PretrainingConfig, blocks, pretrain
from warmstart.representation.training_loop import LoopConfig

pytestmark = pytest.mark.llm
ROWS = [(5, 9, 14, 7), (21,), (5, 9, 14, 7, 30, 31, 8), (40, 41)]
PLACES = [(0, 3), (0,), (2, 6), (1,)]
WORDS = (17, 23)
SEA = ["a ship at sea", "a boat on the ocean in a storm", "long ago a ship", "the ocean, a storm"] * 30


def changed(network: LoraNetwork, by: float = 0.05):
    rng = np.random.default_rng(0)
    return {name: one + rng.normal(0, by, one.shape).astype(np.float32) for name, one in network.taken().items()}


def numbers(found):
    return [one.detach().numpy() for one in found]


def plain(network: CutNetwork):
    """Return what the whole network says, one row and one pass at a time."""
    import torch

    found = []
    for row, places in zip(ROWS, PLACES, strict=True):
        with torch.no_grad():
            logits = network.model(torch.tensor([row])).logits[0]
        found.append((logits[list(places), WORDS[0]] - logits[list(places), WORDS[1]]).numpy())
    return found


def same(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("top", [1, 2, 3, None])
def test_a_cut_network_says_what_the_whole_says(tiny_weights, top):
    network = LoraNetwork(tiny_weights, LoraConfig(top=top))
    for adapter in (None, changed(network)):
        with network.using(adapter):
            for _ in range(2):  # the second time from what is remembered
                same(numbers(network.preferences(ROWS, PLACES, WORDS)), plain(network))
            same(numbers(network.preferences(ROWS[:1], PLACES[:1], WORDS)), plain(network)[:1])


def test_surprise_is_that_of_transformers(tiny_weights):
    import torch

    network, row = LoraNetwork(tiny_weights), ROWS[2]
    tokens = torch.tensor([row])
    assert network.surprise([row]).item() == pytest.approx(network.model(tokens, labels=tokens).loss.item(), abs=1e-5)
    parts = [network.surprise([one]).item() * (len(one) - 1) for one in (ROWS[0], ROWS[2], ROWS[3])]
    assert network.surprise([ROWS[0], ROWS[2], ROWS[3]]).item() == pytest.approx(sum(parts) / 10, abs=1e-5)


def test_added_weights_change_nothing_at_first_and_leave_no_trace(tiny_weights):
    network = LoraNetwork(tiny_weights, LoraConfig(top=2))
    before = numbers(network.preferences(ROWS, PLACES, WORDS))
    with network.using(changed(network)):
        assert not np.allclose(numbers(network.preferences(ROWS, PLACES, WORDS))[0], before[0], atol=1e-3)
    same(numbers(network.preferences(ROWS, PLACES, WORDS)), before)
    same([network.taken()[name] for name in network.trainable], [one.detach() for one in network.trainable.values()])


def test_only_the_highest_layers_learn(tiny_weights):
    names = " ".join(LoraNetwork(tiny_weights, LoraConfig(top=1)).trainable)
    assert "layers.2." in names
    assert "layers.1." not in names
    assert (
        LoraNetwork(tiny_weights, LoraConfig(top=40)).trainable.keys()
        == LoraNetwork(tiny_weights, LoraConfig(top=None)).trainable.keys()
    )
    with pytest.raises(BadInput, match="No low-rank weights"):
        LoraNetwork(tiny_weights, LoraConfig(top=1, targets=("no_such",)))


def test_what_is_saved_is_what_is_read_and_what_the_door_opens(tiny_weights, tmp_path):
    config = LoraConfig(rank=4, top=2, targets=("k_proj", "q_proj", "v_proj"))
    network = LoraNetwork(tiny_weights, config)
    adapter = changed(network)
    folder = network.save(tmp_path / "adapter", adapter)
    assert config_of(folder) == config
    read = network.read(folder)
    assert all(np.array_equal(read[name], adapter[name]) for name in adapter)
    opened = open_language_model("smollm2", weights=tiny_weights, adapter=folder, chat=False)
    with network.using(adapter):
        want = plain(network)[2][1]
    text = network.vocabulary.decode(ROWS[2])
    if network.vocabulary.encode([text]) == [ROWS[2]]:
        words = [network.vocabulary.decode([one]) for one in WORDS]
        yes, no = opened.log_probability([text, text], words)
        assert yes - no == pytest.approx(want, abs=1e-3)


def test_weights_of_another_rank_are_refused(tiny_weights, tmp_path):
    small, large = (LoraNetwork(tiny_weights, LoraConfig(rank=rank, top=2)) for rank in (2, 4))
    with pytest.raises(BadInput, match="another rank"):
        large.read(small.save(tmp_path / "small"))
    for wrong in (large.read, config_of):
        with pytest.raises(BadInput, match="holds no"):
            wrong(tmp_path / "nothing")


def test_reading_on_makes_such_texts_likelier_and_lower_layers_stay(tiny_weights, tmp_path):
    config = PretrainingConfig(block=24, batch=4, top=2, loop=LoopConfig(epochs=3, rate=3e-3))
    found = pretrain(SEA, tmp_path / "sea", tiny_weights, config)
    before, after = found.perplexities
    assert after < before / 2
    old, new = (CausalModel(weights=folder, chat=False) for folder in (tiny_weights, found.folder))
    asked = ["a boat on the"], [" ocean in a storm"]
    assert new.log_probability(*asked)[0] > old.log_probability(*asked)[0] + 1
    first, second = (dict(one.network.model.named_parameters()) for one in (old, new))
    changed_names = {name for name in first if not np.array_equal(first[name].detach(), second[name].detach())}
    assert {name.split(".")[2] for name in changed_names} == {"1", "2"}


def test_reading_on_can_be_broken_off(tiny_weights, tmp_path, monkeypatch):
    config = PretrainingConfig(block=24, batch=4, top=1, loop=LoopConfig(epochs=2, rate=3e-3, every=5))
    whole = pretrain(SEA, tmp_path / "whole", tiny_weights, config)
    calls, real = [], CutNetwork.surprise

    def breaking(self, rows):
        calls.append(len(rows))
        if len(calls) > 20:
            raise KeyboardInterrupt
        return real(self, rows)

    monkeypatch.setattr(CutNetwork, "surprise", breaking)
    with pytest.raises(KeyboardInterrupt):
        pretrain(SEA, tmp_path / "part", tiny_weights, config, checkpoints=tmp_path / "kept")
    assert not (tmp_path / "part").exists()
    monkeypatch.setattr(CutNetwork, "surprise", real)
    again = pretrain(SEA, tmp_path / "part", tiny_weights, config, checkpoints=tmp_path / "kept")
    assert [look.loss for look in again.curve.looks[1:]] == pytest.approx([look.loss for look in whole.curve.looks[1:]])


def test_blocks_hold_every_text_once(tiny_weights):
    vocabulary = LoraNetwork(tiny_weights).vocabulary
    cut = blocks(["a ship", "", "soup", "  "], vocabulary, 3, Run(seed=1))
    stream = [token for one in cut for token in one]
    assert sorted(stream) == sorted(
        [vocabulary.begin] * 2 + [token for row in vocabulary.encode(["a ship", "soup"]) for token in row]
    )
    assert max(map(len, cut)) <= 3


def test_too_little_text_and_foreign_folders_are_refused(tiny_weights, tmp_path):
    with pytest.raises(BadInput, match="pieces of text"):
        pretrain(["a ship"], tmp_path / "a", tiny_weights)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    config = PretrainingConfig(block=24, top=1)
    with pytest.raises(BadInput, match="Choose another path"):
        pretrain(SEA, tmp_path / "mine", tiny_weights, config)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
