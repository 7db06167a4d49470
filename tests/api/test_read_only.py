"""While the platform is read-only, new calls are refused without a query, and everything else works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import factories
from threadless import signals
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing import CompletionClient

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = 10


@pytest.fixture
def api() -> CompletionClient:
    return CompletionClient(factories.make_key()[1], raise_request_exception=False)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_new_call_is_a_503_without_a_query(
    api: CompletionClient, configure: Any, django_assert_num_queries: Any, stream: bool, accept: str
) -> None:
    configure(READ_ONLY=True)
    api.defaults["HTTP_ACCEPT"] = accept
    with django_assert_num_queries(0):
        response = api.complete("small", "Hi", stream=stream)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "read_only")
    assert response.headers["Retry-After"] == "30"


def test_models_are_listed_while_calls_are_refused(api: CompletionClient, configure: Any) -> None:
    configure(READ_ONLY=True)
    assert "small" in api.models()


may_end = threading.Event()


def speak_twice(payload: Any, caller: Any) -> Iterator[str]:
    yield "One "
    assert may_end.wait(WAIT)
    yield "two."


def test_running_call_ends_as_usual(api: CompletionClient, configure: Any) -> None:
    function = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": speak_twice}}
    may_end.clear()
    configure(BACKENDS={"default": function})
    response = api.complete("small", "Hi", stream=True)
    configure(READ_ONLY=True)
    may_end.set()
    assert b"two." in b"".join(response)
    assert wait_for_calls(WAIT)
    assert UsageRecord.objects.get().state == "completed"


def test_signal_tells_of_each_key_that_was_accepted(api: CompletionClient) -> None:
    used: list[Any] = []

    def receive(user: Any, caller: Any, **kwargs: Any) -> None:
        used.append((user.pk, caller.user_id))
        raise ValueError("of a receiver")

    signals.key_used.connect(receive)
    try:
        assert api.get("/api/v1/models").status_code == 200
        assert CompletionClient("tl_nonsense").get("/api/v1/models").status_code == 401
    finally:
        signals.key_used.disconnect(receive)
    assert len(used) == 1
    assert used[0][0] == used[0][1]
