"""A key is used once: what a client gets that sends it again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections

from tests.idempotency.conftest import CONFLICT, Send, refusal
from tests.support import factories
from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally
from threadless.idempotency.models import UsedKey
from threadless.models import UsageRecord

pytestmark = pytest.mark.django_db(transaction=True)

both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@both_kinds
def test_second_call_with_the_key_is_refused_and_not_to_be_retried(
    send: Send, upstream: ScriptedUpstream, stream: bool
) -> None:
    assert send("a", stream=stream).status_code == 200
    second = send("a", stream=stream)
    assert refusal(second) == CONFLICT
    assert second.headers["x-should-retry"] == "false"
    assert "Retry-After" not in second.headers
    assert len(upstream.exchanges) == 1


def test_refusal_names_the_first_call_and_the_header(send: Send, upstream: ScriptedUpstream) -> None:
    send("a")
    error = send("a").json()["error"]
    first = UsageRecord.objects.get().request_id
    assert first in error["message"]
    assert (error["first_request_id"], error["param"]) == (first, "Idempotency-Key")


def test_key_of_a_running_call_is_to_be_retried_later(send: Send, upstream: ScriptedUpstream) -> None:
    arrived, may_answer = threading.Event(), threading.Event()

    def answer_later(exchange: Exchange) -> None:
        arrived.set()
        may_answer.wait(10)
        answer_normally(exchange)

    upstream.script(answer_later)
    first: list[Any] = []

    def send_first() -> None:
        first.append(send("a"))
        connections.close_all()

    thread = threading.Thread(target=send_first)
    thread.start()
    assert arrived.wait(10)
    second = send("a")
    may_answer.set()
    thread.join()
    assert refusal(second) == CONFLICT
    assert (second.headers["Retry-After"], "x-should-retry" in second.headers) == ("5", False)
    assert first[0].status_code == 200


def test_key_with_another_request_is_refused(send: Send, upstream: ScriptedUpstream) -> None:
    send("a", "Hi")
    response = send("a", "Bye")
    assert refusal(response) == (422, "idempotency_key_reused")
    assert response.json()["error"]["param"] == "Idempotency-Key"
    assert len(upstream.exchanges) == 1


def test_order_of_the_fields_does_not_matter(send: Send, upstream: ScriptedUpstream) -> None:
    send("a", temperature=1, max_tokens=5)
    assert refusal(send("a", max_tokens=5, temperature=1)) == CONFLICT


def test_value_cannot_move_from_one_field_to_another(send: Send, upstream: ScriptedUpstream) -> None:
    send("a", seed=1, n=11)
    assert refusal(send("a", seed=11, n=1)) == (422, "idempotency_key_reused")


def test_other_keys_and_calls_without_a_key_are_free(send: Send, upstream: ScriptedUpstream) -> None:
    assert [send(key).status_code for key in ("a", "b", None, None)] == [200] * 4
    assert len(upstream.exchanges) == 4


def test_callers_never_meet(send: Send, upstream: ScriptedUpstream) -> None:
    user = factories.make_user()
    secrets = [factories.make_key(user=user)[1] for _ in range(2)]
    assert [send("a", api_key=secret).status_code for secret in secrets] == [200, 200]


def test_nothing_that_the_client_sent_is_stored(send: Send, upstream: ScriptedUpstream) -> None:
    send("order-17", "Where is Emma?")
    stored = str(UsedKey.objects.values().get()) + str(UsageRecord.objects.values().get())
    assert "order-17" not in stored
    assert "Emma" not in stored


def test_digests_need_the_secret_of_the_platform(send: Send, upstream: ScriptedUpstream, settings: Any) -> None:
    send("a")
    settings.SECRET_KEY = "another"
    assert send("a").status_code == 200
    [one, other] = UsedKey.objects.values_list("digest", "fingerprint")
    assert not {*one} & {*other}
