"""After which ends of a call its key is free: only if no upstream has worked for it."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest

from tests.idempotency.conftest import CONFLICT, Send, refusal, use
from tests.support.fixtures import Configure
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.budgets import api
from threadless.calls.gates import Gate
from threadless.exceptions import RateLimited
from threadless.idempotency.models import UsedKey

pytestmark = pytest.mark.django_db(transaction=True)

both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def closed_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@both_kinds
def test_key_is_free_if_the_upstream_could_not_be_reached(
    send: Send, upstream: ScriptedUpstream, configure: Configure, stream: bool
) -> None:
    use(configure, f"http://127.0.0.1:{closed_port()}/v1")
    assert refusal(send("a", stream=stream)) == (503, "upstream_unavailable")
    use(configure, upstream.base_url)
    assert send("a", stream=stream).status_code == 200


@both_kinds
def test_key_is_free_if_the_upstream_refused_because_of_its_rate_limit(
    send: Send, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.script(lambda exchange: exchange.answer({"error": {"message": "slow down"}}, 429))
    assert send("a", stream=stream).status_code == 429
    upstream.script()
    assert send("a", stream=stream).status_code == 200


@both_kinds
@pytest.mark.parametrize("status", [400, 500, 503])
def test_key_is_used_if_the_upstream_failed(send: Send, upstream: ScriptedUpstream, status: int, stream: bool) -> None:
    upstream.script(lambda exchange: exchange.answer({"error": {"message": "no"}}, status))
    assert send("a", stream=stream).status_code >= 400
    upstream.script()
    assert refusal(send("a", stream=stream)) == CONFLICT


def test_key_is_used_if_the_connection_broke_before_the_answer(send: Send, upstream: ScriptedUpstream) -> None:
    upstream.script(Exchange.cut)
    assert send("a").status_code == 502
    upstream.script()
    assert refusal(send("a")) == CONFLICT


@pytest.mark.parametrize("after", ["nothing", "a chunk"])
def test_key_is_used_if_a_stream_says_that_it_failed(send: Send, upstream: ScriptedUpstream, after: str) -> None:
    delta = {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}
    bodies: list[Any] = [delta] if after == "a chunk" else []
    upstream.script(lambda exchange: exchange.stream(*bodies, {"error": {"message": "slow down", "code": 429}}))
    send("a", stream=True)
    upstream.script()
    assert refusal(send("a", stream=True)) == CONFLICT


class ClosedGate(Gate):
    """A later gate."""

    def admit(self, call: Any) -> None:
        raise RateLimited("Closed.")


def test_key_is_free_if_a_gate_refused(send: Send, upstream: ScriptedUpstream, configure: Configure) -> None:
    configure(GATES=[ClosedGate])
    assert send("a").status_code == 429
    configure(GATES=[])
    assert send("a").status_code == 200


def test_key_is_free_if_a_budget_refused(send: Send, upstream: ScriptedUpstream) -> None:
    api.set_budget(api.PLATFORM, "calls", "day", 0)
    assert refusal(send("a")) == (429, "insufficient_quota")
    assert not UsedKey.objects.exists()
    api.set_budget(api.PLATFORM, "calls", "day", 1)
    assert send("a").status_code == 200


def refuse(call: Any) -> NoReturn:
    """A host's context that cannot be entered."""
    raise RateLimited("No tenant.")


@both_kinds
def test_key_is_free_if_the_call_failed_before_the_backend(
    send: Send, upstream: ScriptedUpstream, configure: Configure, stream: bool
) -> None:
    configure(CALL_CONTEXT=refuse)
    assert send("a", stream=stream).status_code == 429
    configure(CALL_CONTEXT=None)
    assert send("a", stream=stream).status_code == 200


def test_key_is_free_if_the_request_was_invalid(send: Send, upstream: ScriptedUpstream) -> None:
    assert send("a", temperature="hot").status_code == 400
    assert send("a").status_code == 200


def test_key_is_used_once_a_function_of_the_host_was_called(send: Send, configure: Configure) -> None:
    def fail(payload: Any, caller: Any) -> Any:
        raise RateLimited("Somewhere in an agent.")

    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": fail}}
    configure(BACKENDS={"default": backend})
    assert send("a").status_code == 429
    assert refusal(send("a")) == CONFLICT
