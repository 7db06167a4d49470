"""Replaces every configured backend with one that gives a fixed answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.test import override_settings

from threadless.backends.base import BaseChatBackend
from threadless.backends.dummy import DummyBackend
from threadless.conf import conf
from threadless.exceptions import APIError
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target

_PATH: Final = "threadless.testing.backend.ForwardingBackend"


class ForwardingBackend(BaseChatBackend):
    """Passes every call to one other backend, for any alias."""

    def __init__(self, *, to: BaseChatBackend, alias: str = "") -> None:
        super().__init__(alias=alias)
        self._to = to

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        return self._to.complete(request, target, caller)

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        return self._to.stream(request, target, caller)


@contextmanager
def use_dummy_backend(
    answer: str | JSONObject = "This is a dummy answer.",
    *,
    chunks: list[Chunk] | None = None,
    error: APIError | None = None,
) -> Iterator[DummyBackend]:
    """Within the block every model and agent of the host gives the same answer, and no upstream is called.

    Models, agents, keys and scopes remain the host's. The yielded backend records what it was asked:

        with use_dummy_backend("Yes.") as backend:
            CompletionClient(secret).complete("gpt-4.1", "Is it on?")
        assert backend.asked[0].target.model == "…"
    """
    backend = DummyBackend(answer=answer, chunks=chunks, error=error)
    with use_backend(backend):
        yield backend


@contextmanager
def use_backend(backend: BaseChatBackend) -> Iterator[None]:
    """Within the block this backend answers for every model and agent of the host."""
    forwarding = {"BACKEND": _PATH, "OPTIONS": {"to": backend}}
    aliases = [*conf.backends, "default"]
    with override_settings(THREADLESS={**conf.given, "BACKENDS": dict.fromkeys(aliases, forwarding)}):
        yield
