"""A second dialect: `POST echo` with `{"model", "say", "stream"}` answers in the model's words, as JSON or as lines."""

import json
from collections.abc import Iterable
from typing import Any

from threadless.completions.account import Account
from threadless.dialects.base import Asked, Dialect, Encoder
from threadless.exceptions import APIError, InvalidRequest
from threadless.types import Caller, ChatRequest, JSONObject, Target


class EchoDialect(Dialect):
    operation, name, path, media_type, ping = "echo", "echo", "echo", "text/plain", b"\n"

    def parse(self, body: bytes, request_id: str) -> Asked:
        if "say" not in (said := json.loads(body)):
            raise InvalidRequest("Nothing is said.", param="say")
        request = ChatRequest.build(request_id=request_id, messages=[{"role": "user", "content": said["say"]}])
        return Asked(model=said["model"], is_stream=said.get("stream", False), request=request)

    def call(self, backend: Any, asked: Asked, target: Target, caller: Caller) -> JSONObject:
        return backend.complete(asked.take_request(), target, caller).body

    def stream(self, backend: Any, asked: Asked, target: Target, caller: Caller) -> Iterable[JSONObject]:
        return backend.stream(asked.take_request(), target, caller)

    def answer(self, result: JSONObject, account: Account, asked: Asked, target: Target) -> bytes:
        account.wrote(text := result["choices"][0]["message"]["content"])
        return json.dumps({"said": text}).encode()

    def encoder(self, account: Account, asked: Asked, target: Target) -> Encoder:
        encoder = EchoEncoder()
        encoder.account = account
        return encoder

    def error_body(self, error: APIError) -> JSONObject:
        return {"failed": error.code}


class EchoEncoder(Encoder):
    account: Account
    done = b"END\n"

    def encode(self, item: JSONObject) -> bytes:
        text = item["choices"][0]["delta"].get("content") if item["choices"] else None
        return f"{text}\n".encode() if text else b""

    def failure(self, error: APIError) -> bytes:
        return f"FAILED {error.code}\n".encode()
