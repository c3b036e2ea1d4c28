"""A language model on any OpenAI-compatible server: embeddings, text, and log-probabilities where it gives them."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import Any, Literal, Self, TypeVar

import numpy as np
from pydantic import Field

from warmstart.core.errors import BadInput, ModelUnavailable, Unsupported
from warmstart.core.histories import Floats
from warmstart.representation.language_model import Generated, readable, unit_rows
from warmstart.representation.remote_wire import OutOfTime, Spent, Wire, WireConfig
from warmstart.representation.stopping import Stopped

T = TypeVar("T")
R = TypeVar("R")
STOPS_TAKEN = 4
"""So many stop strings servers take; at the others we cut by ourselves."""


class RemoteConfig(WireConfig):
    """How a server is asked and what it is asked for."""

    chat: bool = True
    """Give prompts as what a user says; False lets the model continue the text as it stands."""
    embedding_model: str | None = None
    """The model for vectors, where that is another one than the address names."""
    batch: int = Field(default=64, ge=1)
    """Texts in one request for vectors."""
    longest: int = Field(default=8_000, ge=1)
    """Characters of a text that vectors are made of."""


class RemoteModel:
    """A model behind the API that OpenAI's servers, vLLM, llama.cpp, Ollama and many others speak.

    The key comes from an environment variable, is read for each request and kept nowhere.

    Args:
        address: of the server and the model there, ``http://127.0.0.1:8000/v1#model``.
        **settings: fields of ``RemoteConfig``.

    Raises:
        BadInput: the address names no model, or holds a secret.
        MissingExtra: httpx2 is not installed.

    Example:
        >>> from warmstart.representation.remote_model import RemoteModel
        >>> with RemoteModel("http://127.0.0.1:8000/v1#qwen3-8b", price_in=0.2, price_out=0.6) as model:
        ...     model.name, model.spent.cost
        ('http://127.0.0.1:8000/v1#qwen3-8b', 0.0)
    """

    config_class = RemoteConfig

    def __init__(self, address: str, **settings: Any) -> None:
        url, _, self.model = address.partition("#")
        if not self.model:
            raise BadInput(f"The address names no model (came: {url!r}). Put one after it: http://host/v1#model.")
        self.config = RemoteConfig.of(**settings)
        self._wire = Wire(url, self.config)
        self._pool = ThreadPoolExecutor(self.config.concurrency, thread_name_prefix="language-model")
        self._dimension: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RemoteModel({self.name!r})"

    @property
    def name(self) -> str:
        """The address and the model, and the settings that shape its answers."""
        how = "" if self.config.chat else " raw"
        other = self.config.embedding_model
        return f"{self._wire.url}#{self.model}{how}" + (f" embedding={other}" if other else "")

    @property
    def spent(self) -> Spent:
        """What was asked so far, and what it cost."""
        return self._wire.spent

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._wire.close()

    def embed(self, texts: Sequence[str | None]) -> Floats:
        """Return the server's vectors; see ``LanguageModel.embed``."""
        cleaned = [readable(text, self.config.longest) for text in texts]
        spoken = [place for place, text in enumerate(cleaned) if text]
        # how long its vectors are only the server knows
        asked = [cleaned[place] for place in spoken] or ([] if self._dimension else ["a"])
        parts = [asked[start : start + self.config.batch] for start in range(0, len(asked), self.config.batch)]
        rows = [row for part in self._each(self._vectors, parts) for row in part]
        self._dimension = len(rows[0]) if rows else self._dimension
        vectors = np.zeros((len(cleaned), self._dimension or 0), dtype=np.float32)
        if spoken:
            if len({len(row) for row in rows}) > 1:
                raise self._not_as_agreed("its vectors are of different lengths")
            vectors[spoken] = rows
        return unit_rows(vectors)

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> list[Generated]:
        """Return what the server writes, several prompts at a time; see ``LanguageModel.generate``."""
        end = None if deadline is None else time.monotonic() + deadline
        bodies = [self._body(prompt, max_tokens, temperature, seed, stop) for prompt in prompts]
        drafts = [_Draft(body, stop, end) for body in bodies]
        # only what is streamed can be had in part
        work = self._write if end is None else self._write_on
        futures = [self._pool.submit(work, draft) for draft in drafts]
        self._awaited(futures, end)
        return [draft.generated() for draft in drafts]

    def stream(
        self,
        prompt: str,
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        deadline: float | None = None,
    ) -> Iterator[str]:
        """Yield what the server writes as it comes; see ``LanguageModel.stream``."""
        end = None if deadline is None else time.monotonic() + deadline
        draft = _Draft(self._body(prompt, max_tokens, temperature, seed, stop), stop, end)
        future = self._pool.submit(self._write_on, draft)
        try:
            while (piece := draft.next_piece()) is not None:
                if piece:
                    yield piece
            if not draft.late:
                future.result()
        finally:
            draft.left = True

    def log_probability(self, prompts: Sequence[str], continuations: Sequence[str]) -> Floats:
        """Return log-probabilities from ``/completions`` with ``echo``; prompts are taken as they stand.

        Raises:
            Unsupported: the server does not give the probabilities of what it is given.
        """
        pairs = list(zip(prompts, continuations, strict=True))
        return np.array(self._each(self._weighed, pairs), dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the counts of the server's ``/tokenize``, which vLLM and llama.cpp have.

        Raises:
            Unsupported: the server has no such path.
        """
        return self._each(self._counted, [readable(text, None) for text in texts])

    def _body(self, prompt: str, max_tokens: int, temperature: float, seed: int, stop: Sequence[str]) -> dict[str, Any]:
        if max_tokens < 1:
            raise BadInput(f"max_tokens is at least 1 (came: {max_tokens}).")
        text = readable(prompt, None, strip=False)
        asked = {"messages": [{"role": "user", "content": text}]} if self.config.chat else {"prompt": text}
        how = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        stops = {"stop": list(stop)[:STOPS_TAKEN]} if stop else {}
        return {"model": self.model} | asked | how | stops

    @property
    def _path(self) -> str:
        return "/chat/completions" if self.config.chat else "/completions"

    def _write(self, draft: "_Draft") -> None:
        found = self._wire.ask(self._path, draft.body, draft.end)
        choice = self._choice(found)
        text = (choice.get("message") or {}).get("content") if self.config.chat else choice.get("text")
        draft.add(str(text or ""))
        draft.finish(choice.get("finish_reason"))
        draft.count(*self._paid(found))

    def _write_on(self, draft: "_Draft") -> None:
        """Write piece by piece; what was written stays in the draft whenever its reader turns away."""
        body = draft.body | {"stream": True, "stream_options": {"include_usage": True}}
        try:
            for event in self._wire.stream(self._path, body, draft.end):
                if draft.over():
                    break
                if event.get("usage"):
                    draft.count(*self._paid(event))
                if event.get("choices"):
                    self._take(draft, event["choices"][0])
            else:
                if draft.ended is None:
                    raise ModelUnavailable(f"The answer of {self._wire.url} broke off. Try again.")
        except OutOfTime:
            pass
        finally:
            draft.close()

    def _take(self, draft: "_Draft", choice: dict[str, Any]) -> None:
        piece = (choice.get("delta") or {}).get("content") if self.config.chat else choice.get("text")
        draft.add(str(piece or ""))
        if choice.get("finish_reason"):
            draft.finish(choice["finish_reason"])

    def _choice(self, found: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(found["choices"][0])
        except (KeyError, IndexError, TypeError, ValueError):
            raise self._not_as_agreed("it has no choices") from None

    def _vectors(self, texts: Sequence[str]) -> list[Floats]:
        body = {"model": self.config.embedding_model or self.model, "input": list(texts), "encoding_format": "float"}
        found = self._wire.ask("/embeddings", body)
        self._paid(found)
        try:
            ordered = sorted(found["data"], key=lambda one: int(one["index"]))
            rows = [np.asarray(one["embedding"], dtype=np.float32) for one in ordered]
        except (KeyError, TypeError, ValueError):
            raise self._not_as_agreed("it holds no vectors") from None
        if len(rows) != len(texts) or not all(row.ndim == 1 and np.isfinite(row).all() for row in rows):
            raise self._not_as_agreed(f"{len(texts)} texts were given and {len(rows)} vectors came")
        return rows

    def _weighed(self, pair: tuple[str, str]) -> float:
        prompt, then = (readable(text, None, strip=False) for text in pair)
        if not then:
            return 0.0
        # some servers refuse to write nothing at all
        how = {"max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
        found = self._wire.ask("/completions", {"model": self.model, "prompt": prompt + then} | how)
        self._paid(found)
        told = self._choice_told(found)
        start, end = len(prompt), len(prompt) + len(then)
        tokens = zip(told["tokens"], told["text_offset"], told["token_logprobs"], strict=True)
        # a token that reaches over the edge belongs to the continuation; the one that was written does not
        values = [value for token, at, value in tokens if at < end and at + len(token) > start and value is not None]
        if not values:
            raise self._not_as_agreed("it tells nothing of the continuation")
        return float(sum(values))

    def _choice_told(self, found: dict[str, Any]) -> dict[str, Any]:
        told = self._choice(found).get("logprobs")
        if not told or not told.get("token_logprobs") or not told.get("text_offset"):
            raise Unsupported(
                f"The server {self._wire.url} does not tell how likely a given text is (echo and logprobs of "
                "/completions, which vLLM has). Take such a server, or the local model 'smollm2'."
            )
        return dict(told)

    def _counted(self, text: str) -> int:
        # the one name is vLLM's, the other llama.cpp's
        body = {"model": self.model, "prompt": text, "content": text, "add_special_tokens": False}
        found = self._wire.ask("//tokenize", body).get("tokens")
        if not isinstance(found, list):
            raise self._not_as_agreed("it holds no tokens")
        return len(found)

    def _paid(self, found: dict[str, Any]) -> tuple[int, int]:
        usage = found.get("usage")
        if not isinstance(usage, dict):
            return 0, 0
        told = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        self._wire.paid(*told)
        return told

    def _not_as_agreed(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"The answer of {self._wire.url} is not as agreed: {what}. Is the address right?")

    def _each(self, work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
        futures = [self._pool.submit(work, part) for part in parts]
        self._awaited(futures, None)
        return [future.result() for future in futures]

    def _awaited(self, futures: Sequence["Future[Any]"], end: float | None) -> None:
        """Wait until all are done or time is up; what fails first is raised, and nothing more is begun."""
        left = None if end is None else max(end - time.monotonic(), 0.0)
        wait(futures, timeout=left, return_when="FIRST_EXCEPTION")
        for future in futures:
            future.cancel()
        for future in futures:
            if future.done() and not future.cancelled():
                future.result()


class _Draft:
    """What is being written: filled by a thread of the pool, read by the caller, who may turn away at any time."""

    def __init__(self, body: dict[str, Any], stop: Sequence[str], end: float | None) -> None:
        self.body, self.end = body, end
        self.left = self.late = False
        self.ended: Literal["stop", "length"] | None = None
        self._text = ""
        self._stopped = Stopped(stop)
        self._pieces: SimpleQueue[str | None] = SimpleQueue()
        self._tokens = 0, 0
        self._came = 0

    def add(self, piece: str) -> None:
        self._text += piece
        self._came += bool(piece)
        self._pieces.put(self._stopped.grown(self._text))
        if self._stopped.ended:
            self.ended = "stop"

    def finish(self, reason: str | None) -> None:
        self._pieces.put(self._stopped.grown(self._text, last=True))
        self.ended = "length" if reason == "length" and not self._stopped.ended else "stop"

    def count(self, tokens_in: int, tokens_out: int) -> None:
        self._tokens = tokens_in, tokens_out

    def over(self) -> bool:
        return self.left or self._stopped.ended or (self.end is not None and time.monotonic() >= self.end)

    def close(self) -> None:
        self._pieces.put(None)

    def next_piece(self) -> str | None:
        """Return what came next, or None when nothing more will."""
        try:
            return self._pieces.get(timeout=None if self.end is None else max(self.end - time.monotonic(), 0.0))
        except Empty:
            self.late = True
            return None

    def generated(self) -> Generated:
        tokens_in, tokens_out = self._tokens
        return Generated(self._stopped.whole, tokens_in, tokens_out or self._came, self.ended or "deadline")
