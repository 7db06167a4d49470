"""A class of the host that returns a value of the wrong type: one line in the log names it, and nothing is granted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.authentication import BaseAuthentication

from tests.support import factories
from threadless.backends.base import BaseChatBackend
from threadless.calls.gates import Gate
from threadless.calls.running import wait_for_calls
from threadless.keys.adapters import BaseKeyAdapter, ModelKeyAdapter
from threadless.models import UsageRecord
from threadless.resolvers import BaseResolver
from threadless.testing import CompletionClient
from threadless.types import Caller
from threadless.usage.recorder import DatabaseUsageRecorder

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary7f3e9d"
WAIT = 10
SCOPES = "a Caller whose scopes are a frozenset"
ALLOWED_MODELS = "a Caller whose allowed_models are None or a frozenset"
ENTRY = "what settle() needs, without `async`"
MARK = "None or a number of tokens (raise an APIError to refuse)"
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class UserOnly(BaseKeyAdapter):
    def authenticate(self, secret: str) -> Any:
        return CANARY


class DictCaller(ModelKeyAdapter):
    def get_caller(self, key: Any) -> Any:
        return {"user_id": CANARY}


class AsyncAdapter(BaseKeyAdapter):
    async def authenticate(self, secret: str) -> Any:  # type: ignore[override]
        """Never awaited."""


class TextScopes(ModelKeyAdapter):
    def get_caller_fields(self, key: Any) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"scopes": "CHATS:WRITE,OTHERS"}


class TextModels(ModelKeyAdapter):
    def get_caller_fields(self, key: Any) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"allowed_models": "smaller"}


class OwnClass(BaseAuthentication):
    def authenticate(self, request: Any) -> Any:
        return None, Caller(user_id=None, scopes="CHATS:WRITE")  # type: ignore[arg-type]


class NameResolver(BaseResolver):
    def list(self, caller: Caller) -> Any:
        return [CANARY]

    def resolve(self, name: str, caller: Caller) -> Any:
        return {"model": CANARY}


class NoneResolver(BaseResolver):
    def list(self, caller: Caller) -> Any:
        return None

    def resolve(self, name: str, caller: Caller) -> Any:
        return None


class AsyncRecorder(DatabaseUsageRecorder):
    async def open(self, opening: Any) -> Any:  # type: ignore[override]
        """Never awaited."""


class RefusingGate(Gate):
    def admit(self, call: Any) -> Any:
        return False


class TextBackend(BaseChatBackend):
    def complete(self, request: Any, target: Any, caller: Any) -> Any:
        return CANARY

    def stream(self, request: Any, target: Any, caller: Any) -> Any:
        return None


MISTAKES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"KEY_ADAPTER": UserOnly}, "UserOnly.authenticate()", "a user and a Caller", "str"),
    ({"KEY_ADAPTER": DictCaller}, "DictCaller.authenticate()", "a Caller", "dict"),
    ({"KEY_ADAPTER": AsyncAdapter}, "AsyncAdapter.authenticate()", "a user and a Caller", "coroutine"),
    ({"KEY_ADAPTER": TextScopes}, "TextScopes.authenticate()", SCOPES, "str"),
    ({"KEY_ADAPTER": TextModels}, "TextModels.authenticate()", ALLOWED_MODELS, "str"),
    ({"AUTHENTICATION_CLASSES": [OwnClass]}, "OwnClass.authenticate()", SCOPES, "str"),
    ({"RESOLVER": NameResolver}, "NameResolver.resolve()", "a Target", "dict"),
    ({"RESOLVER": NoneResolver}, "NoneResolver.resolve()", "a Target", "NoneType"),
    ({"USAGE_RECORDER": AsyncRecorder}, "AsyncRecorder.open()", ENTRY, "coroutine"),
    ({"GATES": [RefusingGate]}, "RefusingGate.admit()", MARK, "bool"),
]


@pytest.fixture
def api(caplog: pytest.LogCaptureFixture) -> Iterator[CompletionClient]:
    caplog.set_level(logging.WARNING)
    yield CompletionClient(factories.make_key()[1], raise_request_exception=False)
    assert wait_for_calls(WAIT)


@both_kinds
@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake[1] for mistake in MISTAKES])
def test_value_of_the_wrong_type_is_one_line(
    api: CompletionClient, configure: Any, caplog: pytest.LogCaptureFixture, stream: bool, mistake: Any
) -> None:
    values, method, expected, found = mistake
    configure(**values)
    response = api.complete("small", "Hi", stream=stream)
    assert response.status_code == 500
    [record] = caplog.records
    text = f"{method} must return {expected}, not a value of type '{found}'."
    assert record.getMessage().endswith(f"(internal_error): {__name__}.{text}")
    assert record.exc_info is None
    assert CANARY not in caplog.text + response.content.decode()
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (False, "complete() must return a Completion, not a value of type 'str'."),
        (True, "stream() must return an iterator of chunks, without `async`, not a value of type 'NoneType'."),
    ],
)
def test_backend_of_the_wrong_type_is_one_line(
    api: CompletionClient, configure: Any, caplog: pytest.LogCaptureFixture, stream: bool, text: str
) -> None:
    configure(BACKENDS={"default": {"BACKEND": f"{__name__}.TextBackend"}})
    response = api.complete("small", "Hi", stream=stream)
    assert response.status_code == 500
    [record] = caplog.records
    assert record.getMessage().endswith(f"{__name__}.TextBackend.{text}")
    assert (record.exc_info, UsageRecord.objects.get().state) == (None, "failed")


@pytest.mark.parametrize(
    ("resolver", "text"),
    [
        (NameResolver, "NameResolver.list() must return Targets, not a value of type 'str'."),
        (NoneResolver, "NoneResolver.list() must return Targets, not a value of type 'NoneType'."),
    ],
)
def test_list_of_the_wrong_type_is_one_line(
    api: CompletionClient, configure: Any, caplog: pytest.LogCaptureFixture, resolver: type[BaseResolver], text: str
) -> None:
    configure(RESOLVER=resolver)
    assert api.get("/api/v1/models").status_code == 500
    [record] = caplog.records
    assert record.getMessage().endswith(f"(internal_error): {__name__}.{text}")
