"""What all tests share: where data that cannot ship with the product may lie, and the sample that does."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPOKEN = [
    "a ship at sea",
    "a boat on the ocean in a storm, long ago",
    "The customer liked Alien, Aliens, Heat: yes, no",
]
TEMPLATE = "{% for m in messages %}<|user|>{{ m['content'] }}<|end|>{% endfor %}<|answer|>"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of data sets that cannot ship; tests that need one skip where it is absent."""
    folder = ROOT / os.environ.get("WARMSTART_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip("needs data sets that cannot ship: set WARMSTART_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A small network with random weights, saved as any other is; it speaks no language, but computes like one."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>", "<|user|>", "<|answer|>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(SPOKEN, trainer)
    torch.manual_seed(7)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "max_position_embeddings": 512}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=tokenizer.get_vocab_size(), **size, **heads))
    place: Path = tmp_path_factory.mktemp("weights") / "tiny"
    model.save_pretrained(place)
    ends = {"bos_token": special[0], "eos_token": special[1], "additional_special_tokens": special[2:]}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE, **ends).save_pretrained(place)
    return place
