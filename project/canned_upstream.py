"""An OpenAI-compatible upstream without a model, for machines that cannot run one. Every answer says so.

`python -m project.canned_upstream --api-key KEY` prints its address and runs until it is stopped.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

MODEL_NAME: Final = "canned-answer"
_WORDS: Final = ("This ", "is ", "a ", "canned ", "answer: ", "no ", "model ", "is ", "running.")


class CannedUpstream(ThreadingHTTPServer):
    """Serves on loopback. Port 0 means any free port."""

    daemon_threads = True

    def __init__(self, port: int, api_key: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.api_key = api_key

    @property
    def address(self) -> str:
        """The URL it listens on."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: CannedUpstream

    def do_GET(self) -> None:
        """Answer `/health` and the list of models."""
        if self.path == "/health":
            self._send_json(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self._send_json(200, {"object": "list", "data": [{"id": MODEL_NAME, "object": "model"}]})
        else:
            self._send_error(404, "Not found.")

    def do_POST(self) -> None:
        """Give the same answer to every request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not compare_digest(given.encode(), self.server.api_key.encode()):
            self._send_error(401, "Wrong API key.")
        elif self.path != "/v1/chat/completions":
            self._send_error(404, "Not found.")
        elif (request := parse(body)) is None:
            self._send_error(400, "The body must be a JSON object with a list of messages.")
        else:
            self.answer(request)

    def answer(self, request: dict[str, Any]) -> None:
        """Answer as JSON or as a stream."""
        if request.get("stream"):
            self._send_events(chunks(request))
        else:
            self._send_json(200, completion(request))

    def log_message(self, format: str, *args: Any) -> None:
        """Write no access log."""

    def _send_error(self, status: int, message: str) -> None:
        self._send_json(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_events(self, bodies: Iterator[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for body in bodies:
            self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


def parse(body: bytes) -> dict[str, Any] | None:
    """The decoded request; None if it is invalid."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    return request if isinstance(request, dict) and isinstance(request.get("messages"), list) else None


def completion(request: dict[str, Any]) -> dict[str, Any]:
    """A plain answer."""
    message = {"role": "assistant", "content": "".join(_WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _head("chat.completion") | {"choices": [choice], "usage": usage(request)}


def chunks(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same answer as chunks of one word."""
    head = _head("chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": word} for word in _WORDS)]
    for delta in deltas:
        yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if (request.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": usage(request)}


def usage(request: dict[str, Any]) -> dict[str, int]:
    """Usage that counts words as tokens."""
    prompt = sum(len(str(message).split()) for message in request["messages"])
    return {"prompt_tokens": prompt, "completion_tokens": len(_WORDS), "total_tokens": prompt + len(_WORDS)}


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-canned", "object": kind, "created": int(time.time()), "model": MODEL_NAME}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 means any free port")
    parser.add_argument("--api-key", required=True)
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with CannedUpstream(arguments.port, arguments.api_key) as server:
        print(server.address, flush=True)  # noqa: T201  (the parent process reads it)
        server.serve_forever()


if __name__ == "__main__":
    main()
