"""`PayloadRecorder`: an upstream on loopback that keeps the payloads it gets, and answers each with a short text."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from threadless.types import JSONObject

_HEAD: Final = {"id": "chatcmpl-recorded", "created": 1, "model": "recorder"}
_USAGE: Final = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_TEXT: Final = {"role": "assistant", "content": "Recorded."}


class PayloadRecorder:
    """Serves within a `with` block. Any path is accepted. Bodies that are not JSON objects get a 400."""

    def __init__(self) -> None:
        self._payloads: list[JSONObject] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.payloads = self._payloads  # type: ignore[attr-defined]  # the handler has only its server
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="recorder", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> list[JSONObject]:
        """The payloads since the last call of this method, oldest first."""
        taken = self._payloads[:]
        self._payloads.clear()
        return taken


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        payload = self._read()
        if payload is None:
            self._send(400, "application/json", b'{"error": {"message": "The body is not a JSON object."}}')
            return
        self.server.payloads.append(payload)
        if payload.get("stream"):
            self._send(200, "text/event-stream", _stream())
        else:
            choice = {"index": 0, "message": _TEXT, "finish_reason": "stop"}
            answer = {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
            self._send(200, "application/json", json.dumps(answer).encode())

    def _read(self) -> JSONObject | None:
        try:
            payload = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        except ValueError:
            return None
        return payload if isinstance(payload, dict) else None

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Write nothing to stderr."""


def _stream() -> bytes:
    choices = [
        [{"index": 0, "delta": _TEXT, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ]
    chunks = [{**_HEAD, "object": "chat.completion.chunk", "choices": each, "usage": None} for each in choices]
    chunks.append({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
