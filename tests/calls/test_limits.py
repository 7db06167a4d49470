"""Requests and tokens per minute, on the caches that hosts have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tests.support import factories
from tests.support.fixtures import IssueKey
from tests.support.limits import ANSWER, BROKEN, Limit, call, rate_headers
from threadless.calls.levels import notation
from threadless.calls.limits import RequestRateGate
from threadless.calls.running import wait_for_calls
from threadless.exceptions import RateLimited
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.types import Caller


@pytest.fixture
def api(clock: time_machine.Traveller, issue_key: IssueKey) -> CompletionClient:
    """A client with a key."""
    return CompletionClient(issue_key()[1])


def test_requests_beyond_the_limit_are_refused_and_leave_no_row(limit: Limit, api: CompletionClient) -> None:
    limit(REQUESTS_PER_MINUTE=2)
    assert [call(api).status_code for _ in range(3)] == [200, 200, 429]
    assert UsageRecord.objects.count() == 2


def test_refusal_says_when_to_come_again(limit: Limit, api: CompletionClient) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    call(api)
    response = call(api)
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert (response["Retry-After"], response["retry-after-ms"]) == ("70", "70000")
    assert rate_headers(response, "requests") == ("1", "0", "1m10s")


def test_every_answer_says_what_is_left(limit: Limit, api: CompletionClient) -> None:
    limit(REQUESTS_PER_MINUTE=3, TOKENS_PER_MINUTE=1000)
    response = call(api)
    assert rate_headers(response, "requests") == ("3", "2", "1m10s")
    assert rate_headers(response, "tokens") == ("1000", "1000", "0s")
    assert rate_headers(call(api), "tokens") == ("1000", "900", "1m10s")


def test_answers_to_bad_requests_say_what_is_left_too(limit: Limit, api: CompletionClient) -> None:
    limit(REQUESTS_PER_MINUTE=3)
    assert rate_headers(api.complete("nothing", "Hi"), "requests") == ("3", "2", "1m10s")


def test_request_is_forgotten_after_at_least_a_minute_and_not_at_its_turn(
    limit: Limit, api: CompletionClient, clock: time_machine.Traveller
) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    assert call(api).status_code == 200
    statuses = []
    for seconds in (40, 19, 11):  # the next minute begins; 59 s later; 70 s later
        clock.shift(seconds)
        statuses.append(call(api).status_code)
    assert statuses == [429, 429, 200]


def test_refused_requests_do_not_count(limit: Limit, api: CompletionClient, clock: time_machine.Traveller) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    call(api)
    for _ in range(6):
        clock.shift(10)
        assert call(api).status_code == 429
    clock.shift(10)
    assert call(api).status_code == 200


def test_client_that_waits_as_told_is_admitted(
    limit: Limit, api: CompletionClient, clock: time_machine.Traveller
) -> None:
    limit(REQUESTS_PER_MINUTE=3)
    for seconds in (0, 15, 15):
        clock.shift(seconds)
        call(api)
    wait = int(call(api)["retry-after-ms"])
    clock.shift(wait / 1000 - 0.001)
    assert call(api).status_code == 429
    clock.shift(0.001)
    assert call(api).status_code == 200


def test_tokens_beyond_the_limit_are_refused_from_the_next_call_on(
    limit: Limit, api: CompletionClient, clock: time_machine.Traveller
) -> None:
    limit(TOKENS_PER_MINUTE=150)
    assert [call(api).status_code for _ in range(3)] == [200, 200, 429]
    response = call(api)
    assert "150 tokens per minute" in response.json()["error"]["message"]
    assert rate_headers(response, "tokens") == ("150", "0", "1m10s")
    clock.shift(70)
    assert call(api).status_code == 200


def test_exactly_used_up_tokens_leave_no_room(limit: Limit, api: CompletionClient) -> None:
    limit(TOKENS_PER_MINUTE=100)
    assert [call(api).status_code for _ in range(2)] == [200, 429]


def test_each_key_has_limits_of_its_own(limit: Limit, api: CompletionClient, issue_key: IssueKey) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    other = CompletionClient(issue_key()[1])
    assert [call(client).status_code for client in (api, other, api)] == [200, 200, 429]


def test_each_session_user_has_limits_of_its_own(limit: Limit, clock: time_machine.Traveller, db: None) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    clients = [CompletionClient(), CompletionClient()]
    for client in clients:
        client.force_login(factories.make_user(permissions=("write_chats",)))
    assert [call(client).status_code for client in (*clients, clients[0])] == [200, 200, 429]


def test_counters_are_in_the_cache_that_the_host_names(limit: Limit, api: CompletionClient) -> None:
    limit(REQUESTS_PER_MINUTE=1, THROTTLE_CACHE="other")
    call(api)
    caches["other"].clear()
    assert call(api).status_code == 200


def test_no_limit_counts_nothing(limit: Limit, api: CompletionClient) -> None:
    limit()
    response = call(api)
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.django_db(transaction=True)
def test_stream_is_charged_like_a_plain_call(limit: Limit, clock: time_machine.Traveller, stream: bool) -> None:
    limit(TOKENS_PER_MINUTE=100)
    client = CompletionClient(factories.make_key()[1])
    response = client.complete("small", "Hi", stream=stream)
    b"".join(response)
    assert call(client).status_code == 429


def test_many_calls_at_once_are_counted_exactly(limit: Limit) -> None:
    limit(REQUESTS_PER_MINUTE=10)
    caller = Caller(user_id=None, key_id="7")

    def attempt(_: int) -> bool:
        try:
            RequestRateGate().knock(caller)
        except RateLimited:
            return False
        return True

    with time_machine.travel("2030-01-01T12:00:20Z", tick=False), ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == 10


def test_evicted_counter_starts_again(limit: Limit, api: CompletionClient, settings: Settings) -> None:
    limit(REQUESTS_PER_MINUTE=1)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert [call(api).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    "limits", [{"REQUESTS_PER_MINUTE": 1}, {"TOKENS_PER_MINUTE": 1}], ids=lambda limits: next(iter(limits))
)
def test_call_is_admitted_without_the_cache(
    limit: Limit, api: CompletionClient, settings: Settings, limits: dict[str, int]
) -> None:
    limit(**limits)
    settings.CACHES = BROKEN
    assert [call(api).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    "limits", [{"REQUESTS_PER_MINUTE": 1}, {"TOKENS_PER_MINUTE": 1}], ids=lambda limits: next(iter(limits))
)
def test_call_is_refused_without_the_cache_if_the_host_says_so(
    limit: Limit, api: CompletionClient, settings: Settings, limits: dict[str, int]
) -> None:
    limit(CACHE_FAILURE="refuse", **limits)
    settings.CACHES = BROKEN
    response = call(api)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "overloaded")
    assert (response["Retry-After"], response["retry-after-ms"]) == ("1", "1000")
    assert not UsageRecord.objects.exists()


def test_call_is_refused_if_the_cache_hides_that_it_is_away(
    limit: Limit, api: CompletionClient, settings: Settings
) -> None:
    limit(CACHE_FAILURE="refuse", REQUESTS_PER_MINUTE=1)
    settings.CACHES = {"default": {"BACKEND": "tests.support.broken_cache.SilentCache"}}
    assert call(api).status_code == 503


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("policy", ["continue", "refuse"])
@pytest.mark.django_db(transaction=True)
def test_cache_that_fails_during_a_call_costs_no_answer(
    limit: Limit, clock: time_machine.Traveller, settings: Settings, policy: str, stream: bool
) -> None:
    def answer(payload: dict[str, Any], caller: Caller) -> dict[str, Any]:
        settings.CACHES = BROKEN
        return ANSWER

    backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": answer}}
    limit(TOKENS_PER_MINUTE=1000, CACHE_FAILURE=policy, BACKENDS={"default": backend})
    response = CompletionClient(factories.make_key()[1]).complete("small", "Hi", stream=stream)
    assert response.status_code == 200
    assert b"Yes." in b"".join(response)
    assert wait_for_calls(10)
    assert UsageRecord.objects.get().state == "completed"


class HostThrottle(SimpleRateThrottle):
    """A host's own, with DRF's machinery."""

    rate = "1/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"host-{request.user.pk}"


def test_hosts_own_throttle_is_heeded_and_worded_in_our_form(
    limit: Limit, api: CompletionClient, settings: Settings
) -> None:
    limit(THROTTLE_CLASSES=[HostThrottle])
    assert call(api).status_code == 200
    response = call(api)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert int(response["Retry-After"]) == 60


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (0.2, "1s"), (59.6, "1m0s"), (360, "6m0s"), (61, "1m1s")])
def test_durations_are_written_like_the_openai_api_does(seconds: float, text: str) -> None:
    assert notation(seconds) == text
