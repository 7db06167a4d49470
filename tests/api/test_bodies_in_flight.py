"""The bytes of request bodies are counted while a call needs them, and given back at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import factories
from tests.support.client import PATH, body_of
from threadless.calls.running import wait_for_calls
from threadless.exceptions import UpstreamError
from threadless.server.memory import Reservation, in_flight
from threadless.testing import CompletionClient

LARGE = 100_000
LIMIT = 250_000
WAIT = 10


@pytest.fixture(autouse=True)
def limited(settings: Any) -> None:
    """Room for two large bodies."""
    settings.THREADLESS = {**settings.THREADLESS, "MAX_BYTES_IN_FLIGHT": LIMIT}
    assert in_flight.bytes == 0


class Model:
    """Notes what is in flight while it is asked."""

    def __init__(self) -> None:
        self.in_flight = 0

    def __call__(self, payload: Any, caller: Any) -> Iterator[str]:
        self.in_flight = in_flight.bytes
        yield "Hello"
        if payload.get("user") == "fail":
            raise UpstreamError


@pytest.fixture
def model(settings: Any) -> Model:
    model = Model()
    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}}
    return model


@pytest.fixture
def api(model: Model) -> CompletionClient:
    return CompletionClient(factories.make_key()[1], raise_request_exception=False)


def status_of(api: CompletionClient, content: bytes, **environ: Any) -> int:
    """The status of a call, whose response is read and closed."""
    response = api.post(PATH, content, content_type="application/json", **environ)
    b"".join(response)
    response.close()
    assert wait_for_calls(WAIT)
    return response.status_code


CALLS = {
    "plain": (body_of("x" * LARGE), 200),
    "stream": (body_of("x" * LARGE, stream=True), 200),
    "failure": (body_of("x" * LARGE, user="fail"), 502),
    "late failure": (body_of("x" * LARGE, user="fail", stream=True), 200),
    "invalid": (body_of("x" * LARGE, temperature="hot"), 400),
    "not found": (body_of("x" * LARGE, model="unknown"), 404),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("body", "status"), CALLS.values(), ids=CALLS)
def test_body_is_given_back_at_the_end_of_its_call(api: CompletionClient, body: dict[str, Any], status: int) -> None:
    assert [status_of(api, json.dumps(body).encode()) for _ in range(4)] == [status] * 4
    assert in_flight.bytes == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stream", [False, True])
def test_body_counts_while_the_model_is_asked(api: CompletionClient, model: Model, stream: bool) -> None:
    status_of(api, json.dumps(body_of("x" * LARGE, stream=stream)).encode())
    assert model.in_flight > LARGE


@pytest.mark.django_db(transaction=True)
def test_body_that_is_cut_off_is_given_back(api: CompletionClient) -> None:
    assert status_of(api, b"{", CONTENT_LENGTH=str(LARGE)) == 400
    assert in_flight.bytes == 0


@pytest.mark.django_db(transaction=True)
def test_body_beyond_the_limit_is_refused_with_a_time_to_try_again(api: CompletionClient) -> None:
    with Reservation() as others:
        others.add(LIMIT - LARGE)
        response: Any = api.complete("small", "x" * LARGE)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (503, "server_error", "overloaded")
    assert (response["Retry-After"], response["retry-after-ms"]) == ("1", "1000")
    assert api.complete("small", "x" * LARGE).status_code == 200
