"""The contract of language models: every one that can be opened is enrolled, and so is each of them behind a cache."""

import inspect
import itertools
import time
from typing import Any

import numpy as np
import pytest

from tests.house.blocks import ROOT
from tests.representation.servers import language_server
from warmstart.core.errors import BadInput, Unsupported
from warmstart.representation.causal_model import CausalConfig
from warmstart.representation.language_model import LANGUAGE_MODELS, LanguageModel, open_language_model
from warmstart.representation.remote_model import RemoteConfig
from warmstart.representation.sentence_encoder import SentenceConfig
from warmstart.representation.text_cache import CachedModel

TEXTS = [
    "a ship at sea",
    "a boat on the ocean in a storm, long ago",
    "onion soup",
    "Heat (1995) Action|Crime",
    "\ud800",
]
HISTORY = "The customer liked Alien, Aliens, The Thing, Heat and Ronin. " * 3
PROMPTS = [f"{HISTORY}Does the customer like {title}?" for title in ("Predator", "Bambi", "Casino")]
NAMED = {
    "static": "static",
    "minilm": "minilm",
    "smollm2": "smollm2",
    "smollm2 raw": "smollm2",
    "http": "http",
    "http raw": "http",
}
"""Enrolled models, and their names in the table."""
HEAVY = ("minilm", "smollm2", "smollm2 raw")
SILENT = ("static", "minilm")
WRITERS = tuple(name for name in NAMED if name not in SILENT)


def _marked(names):
    return [pytest.param(name, marks=pytest.mark.llm if name in HEAVY else ()) for name in names]


def _pairs(names):
    return [
        pytest.param((name, how), marks=pytest.mark.llm if name in HEAVY else (), id=f"{name} {how}")
        for name in names
        # the cache is the same over any model
        for how in ("bare", "cached")[: 1 if name in HEAVY else 2]
    ]


@pytest.fixture(scope="session")
def opened():
    """Return what opens a model, each once."""
    models: dict[str, Any] = {}
    with language_server() as server:

        def open_once(name):
            if name not in models:
                settings: dict[str, Any] = {"chat": False} if name.endswith("raw") else {}
                address = f"{server.url}#toy" if NAMED[name] == "http" else NAMED[name]
                models[name] = open_language_model(address, **settings)
            return models[name]

        yield open_once
        for name in ("http", "http raw"):
            if name in models:
                models[name].close()


@pytest.fixture(params=_marked(NAMED))
def bare(request, opened):
    return opened(request.param)


@pytest.fixture(params=["bare", "cached"])
def model(request, bare, tmp_path):
    return bare if request.param == "bare" else CachedModel(bare, tmp_path)


@pytest.fixture(params=_pairs(WRITERS))
def writer(request, opened, tmp_path):
    """A model that writes, and tells how likely a text is."""
    name, how = request.param
    return opened(name) if how == "bare" else CachedModel(opened(name), tmp_path)


def test_every_model_of_the_table_is_enrolled():
    assert set(NAMED.values()) == set(LANGUAGE_MODELS)


def test_every_model_keeps_the_protocol(model):
    assert isinstance(model, LanguageModel)
    assert model.name
    assert "\n" not in model.name
    for verb in ("embed", "log_probability", "count_tokens"):
        asked = inspect.signature(getattr(LanguageModel, verb)).parameters
        assert list(inspect.signature(getattr(model, verb)).parameters) == list(asked)[1:]


def test_names_tell_models_and_settings_apart(opened):
    names = [opened(name).name for name in NAMED if name not in HEAVY]
    assert len(set(names)) == len(names)


def test_embedding_is_deterministic_and_of_length_one(model):
    first, again = model.embed(TEXTS), model.embed(TEXTS)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32
    assert first.shape == (len(TEXTS), model.embed(["x"]).shape[1])
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)


def test_a_batch_equals_single_texts(model):
    batch = model.embed([*TEXTS, *TEXTS[::-1]])
    for place, text in enumerate(TEXTS):
        np.testing.assert_allclose(model.embed([text])[0], batch[place], atol=1e-4)
        np.testing.assert_allclose(batch[-1 - place], batch[place], atol=1e-4)


def test_nothing_said_is_zero_and_nobody_is_an_empty_table(model):
    silent = model.embed([None, "", " \n ", "ship"])
    assert not silent[:3].any()
    assert silent[3].any()
    assert model.embed([]).shape == (0, silent.shape[1])
    assert model.embed([None]).shape == (1, silent.shape[1])


def test_tokens_are_counted(model):
    none, short, long = model.count_tokens(["", "a ship", "a ship at sea and a boat on the ocean"])
    assert 0 == none < short < long
    assert model.count_tokens([]) == []


@pytest.mark.parametrize("bare", _marked(SILENT), indirect=True)
def test_what_a_kind_cannot_do_is_the_same_error(model):
    for ask in (
        lambda: model.generate(["a"]),
        lambda: model.stream("a"),
        lambda: model.log_probability(["a"], ["b"]),
    ):
        with pytest.raises(Unsupported, match="cannot .* such as 'smollm2'"):
            ask()


def test_greedy_writing_is_repeatable(writer):
    first, again = (writer.generate(PROMPTS, max_tokens=6) for _ in range(2))
    assert first == again
    assert all(one.tokens_in > 0 for one in first)
    assert writer.generate(PROMPTS[1:2], max_tokens=6)[0].text == first[1].text
    assert writer.generate([], max_tokens=6) == []


def test_no_more_tokens_than_asked_for(writer):
    for most in (1, 5):
        (found,) = writer.generate(["Tell me a story about a ship"], max_tokens=most)
        assert (found.tokens_out, found.ended) == (most, "length")
    with pytest.raises(BadInput, match="at least 1"):
        writer.generate(["a"], max_tokens=0)


def test_writing_ends_before_a_stop_string(writer):
    (whole,) = writer.generate(["Tell me a story"], max_tokens=12)
    stop = whole.text.strip()[6:10]
    (cut,) = writer.generate(["Tell me a story"], max_tokens=12, stop=[stop, "never written"])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.ended == "stop"
    assert "".join(writer.stream("Tell me a story", max_tokens=12, stop=[stop])) == cut.text


def test_a_stream_joined_is_what_is_generated(writer):
    pieces = list(writer.stream("Tell me a story", max_tokens=10))
    assert "".join(pieces) == writer.generate(["Tell me a story"], max_tokens=10)[0].text
    assert len(pieces) > 1 or isinstance(writer, CachedModel)


def test_what_is_random_follows_its_seed(writer):
    ask = {"max_tokens": 8, "temperature": 1.5}
    one, same, other = (writer.generate(["Tell me a story"], seed=seed, **ask)[0].text for seed in (1, 1, 3))
    assert one == same != other
    assert "".join(writer.stream("Tell me a story", seed=1, **ask)) == one


def test_time_that_is_up_ends_everything(writer):
    begun = time.monotonic()
    found = writer.generate(PROMPTS * 3, max_tokens=400, deadline=0.0)
    assert time.monotonic() - begun < 5
    assert {one.ended for one in found} == {"deadline"}
    assert list(writer.stream("Tell me a story", max_tokens=400, deadline=0.0)) == []


def test_probabilities_are_pairwise_and_below_one(writer):
    found = writer.log_probability(PROMPTS, [" Yes", " No", " Yes"])
    assert found.dtype == np.float32
    assert found.shape == (3,)
    assert (found < 0).all()
    assert writer.log_probability([], []).shape == (0,)
    with pytest.raises(ValueError):
        writer.log_probability(["a"], [])


def test_a_shared_beginning_changes_no_probability(writer):
    pairs = list(itertools.product(PROMPTS, [" Yes", " No, not at all", " Yes, very much"]))
    together = writer.log_probability([one for one, _ in pairs], [then for _, then in pairs])
    alone = [float(writer.log_probability([one], [then])[0]) for one, then in pairs]
    np.testing.assert_allclose(together, alone, atol=2e-3)


@pytest.mark.parametrize("writer", _pairs(["smollm2 raw", "http raw"]), indirect=True)
def test_a_continuation_is_the_sum_of_its_parts(writer):
    prompt, parts = "The ship went", [" to sea", " in the", " morning"]
    whole = writer.log_probability([prompt], ["".join(parts)])[0]
    starts = [prompt + "".join(parts[:place]) for place in range(len(parts))]
    np.testing.assert_allclose(writer.log_probability(starts, parts).sum(), whole, atol=2e-3)
    assert writer.log_probability([prompt], [""])[0] == 0


@pytest.mark.parametrize("name", ["statik", "http", "", "smollm"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(BadInput, match="There is no language model"):
        open_language_model(name)


def test_every_setting_is_on_the_page():
    page = (ROOT / "docs" / "language-models.md").read_text(encoding="utf-8")
    for config in (CausalConfig, RemoteConfig, SentenceConfig):
        for setting, field in config.model_fields.items():
            assert field.description, f"{config.__name__}.{setting} has no docstring"
            assert f"`{setting}`" in page, f"docs/language-models.md lacks {setting}"
    assert not [name for name in LANGUAGE_MODELS if f"| `{name}" not in page]
