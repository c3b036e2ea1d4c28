"""A server for tests that speaks the wire of OpenAI-compatible servers: it stands in for the wire, never for quality."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TALE = [" once", " upon", " a", " time", " a", " ship", " went", " to", " sea", " and", " never", " came", " home"]
"""What it writes: from a word that the prompt chooses on."""
WIDTH = 16


@dataclass
class Reply:
    """A recorded reply, given instead of a right one."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class Served:
    """A running server: its address, the replies that it still has to play, and what it was asked."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    delay: float = 0.0
    """Seconds before each piece that is written."""
    without: tuple[str, ...] = ()
    """Paths that it does not offer, and fields that it leaves out."""
    at_once: int = 0
    most_at_once: int = 0


def tokens_of(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def tale(prompt: str) -> list[str]:
    start = len(prompt) % len(TALE)
    return TALE[start:] + TALE[:start]


def likelihood(context: str, token: str) -> float:
    digest = hashlib.sha256(f"{context}|{token}".encode()).digest()
    return -0.1 - digest[0] / 64


def vector(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode()).digest()
    return [byte / 128 - 1 for byte in digest[:WIDTH]]


@contextmanager
def language_server() -> Iterator[Served]:
    """Serve on loopback until the block ends."""
    served = Served()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served, "lock": threading.Lock()})
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served
    lock: threading.Lock

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.lock:
            self.served.asked.append((self.path, dict(self.headers.items()), body))
            self.served.at_once += 1
            self.served.most_at_once = max(self.served.most_at_once, self.served.at_once)
            reply = self.served.replies.pop(0) if self.served.replies else None
        # a caller who has turned away is no fault
        with suppress(ConnectionError):
            if reply is not None:
                self._play(reply)
            elif self.path in self.served.without:
                self._play(Reply(404, json.dumps({"error": {"message": "not here"}})))
            else:
                self._answer(body)
        with self.lock:
            self.served.at_once -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        if self.path == "/tokenize":
            return self._json({"tokens": list(range(len(tokens_of(body["prompt"]))))})
        if self.path == "/v1/embeddings":
            data = [{"index": place, "embedding": vector(text)} for place, text in enumerate(body["input"])]
            return self._json({"data": data[::-1], "usage": {"prompt_tokens": len(data)}})
        chat = self.path == "/v1/chat/completions"
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        if body.get("echo"):
            return self._json(self._echoed(prompt))
        written, reason = self._written(prompt, body)
        usage = {"prompt_tokens": len(tokens_of(prompt)), "completion_tokens": len(written)}
        if body.get("stream"):
            return self._stream(written, reason, usage, chat=chat)
        time.sleep(self.served.delay * len(written))
        text = "".join(written)
        choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        return self._json({"choices": [choice | {"finish_reason": reason}], "usage": usage})

    def _written(self, prompt: str, body: dict[str, Any]) -> tuple[list[str], str]:
        words = tale(prompt)
        if body["temperature"] > 0:
            words = words[body["seed"] % 5 :]
        text, stops = "", body.get("stop", [])
        for count, word in enumerate(words):
            text += word
            places = [text.find(stop) for stop in stops if stop in text]
            if places:
                kept = text[: min(places)]
                return [kept], "stop"
            if count + 1 == body["max_tokens"]:
                return words[: count + 1], "length"
        return words, "stop"

    def _echoed(self, prompt: str) -> dict[str, Any]:
        told = [*tokens_of(prompt), " more"]
        offsets = [sum(map(len, told[:place])) for place in range(len(told))]
        values = [
            None,
            *(likelihood(prompt[:at], token) for token, at in list(zip(told, offsets, strict=True))[1:]),
        ]
        logprobs = {"tokens": told, "text_offset": offsets, "token_logprobs": values}
        choice: dict[str, Any] = {"text": prompt + " more", "finish_reason": "length"}
        return {"choices": [choice | ({} if "logprobs" in self.served.without else {"logprobs": logprobs})]}

    def _stream(self, written: list[str], reason: str, usage: dict[str, int], *, chat: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in written:
            time.sleep(self.served.delay)
            self._event({"choices": [{"delta": {"content": word}} if chat else {"text": word}]})
        self._event({"choices": [{"delta": {}, "text": "", "finish_reason": reason}]})
        self._event({"choices": [], "usage": usage})
        self.wfile.write(b": a comment\n\ndata: [DONE]\n\n")
        self.close_connection = True

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _json(self, found: dict[str, Any]) -> None:
        self._play(Reply(body=json.dumps(found)))

    def _play(self, reply: Reply) -> None:
        time.sleep(reply.delay)
        content = reply.body.encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
