"""Django's test clients with an API key and our routes."""

from __future__ import annotations

from typing import Any

import msgspec
from django.test import AsyncClient, Client
from django.urls import reverse

from threadless.encoding import encode
from threadless.types import JSONObject, JSONValue


class CompletionClient(Client):
    """Sends completions as an SDK does. Streams need `TransactionTestCase`: another thread settles their rows."""

    def __init__(self, secret: str = "", **defaults: Any) -> None:
        super().__init__(**_with_key(secret, defaults))

    def complete(self, model: str, messages: str | list[JSONObject], **fields: JSONValue) -> Any:
        """The response to one call. A string means one user message. `fields` are added to the body."""
        return self.post(_path(), _body(model, messages, fields), content_type="application/json")

    def models(self) -> list[str]:
        """The ids of the models and agents that the key may use."""
        return _names(self.get(reverse("threadless:models")).content)


class AsyncCompletionClient(AsyncClient):
    """`CompletionClient` through ASGI."""

    def __init__(self, secret: str = "", **defaults: Any) -> None:
        given = _with_key(secret, defaults)
        self._headers: dict[str, str] = given.pop("headers")
        super().__init__(**given)

    def generic(  # type: ignore[override]  # other arguments are passed on unchanged
        self, *args: Any, headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        """Add the client's headers: Django's `AsyncClient` sends only those of the single request."""
        return super().generic(*args, headers={**self._headers, **(headers or {})}, **more)

    async def complete(self, model: str, messages: str | list[JSONObject], **fields: JSONValue) -> Any:
        """See `CompletionClient.complete`."""
        body = _body(model, messages, fields)
        return await self.post(_path(), body, content_type="application/json")

    async def models(self) -> list[str]:
        """See `CompletionClient.models`."""
        return _names((await self.get(reverse("threadless:models"))).content)


def _with_key(secret: str, defaults: dict[str, Any]) -> dict[str, Any]:
    headers = dict(defaults.pop("headers", None) or {})
    return defaults | {"headers": {"Authorization": f"Bearer {secret}"} | headers if secret else headers}


def _path() -> str:
    return reverse("threadless:chat-completions")


def _body(model: str, messages: str | list[JSONObject], fields: dict[str, JSONValue]) -> bytes:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return encode({"model": model, "messages": said, **fields})


def _names(content: bytes) -> list[str]:
    return [model["id"] for model in msgspec.json.decode(content)["data"]]
