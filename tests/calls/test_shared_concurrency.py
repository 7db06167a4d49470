"""Concurrent calls of a key or account that has its own limit, counted in the cache."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from pytest_django import Settings

from tests.support import factories
from tests.support.limits import BROKEN, Limit
from threadless.calls.gates import Gate
from threadless.calls.limits import SharedConcurrencyGate, levels_of
from threadless.calls.running import wait_for_calls
from threadless.exceptions import RateLimited
from threadless.keys.adapters import ModelKeyAdapter
from threadless.keys.models import AbstractAPIKey
from threadless.models import UsageRecord
from threadless.testing import CompletionClient, read_events
from threadless.types import Limits

pytestmark = pytest.mark.django_db(transaction=True)


class AccountAdapter(ModelKeyAdapter):
    """A host's adapter: all keys are of one account, which may have two calls at the same time."""

    def get_caller_fields(self, key: AbstractAPIKey) -> dict[str, Any]:
        return super().get_caller_fields(key) | {"account": "acme", "account_limits": Limits(concurrent_calls=2)}


def endless(payload: dict[str, Any], caller: Any) -> Any:
    """A stream that ends when its client leaves, or a plain answer."""
    return iter(lambda: "more", None) if payload.get("stream") else "Done."


@pytest.fixture
def host(limit: Limit) -> Limit:
    """Sets our settings for a host whose streams do not end by themselves."""

    def change(**values: Any) -> None:
        backend = {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": endless}}
        limit(**{"BACKENDS": {"default": backend}} | values)

    change()
    return change


def client(**fields: Any) -> CompletionClient:
    """A client with a key that has these columns."""
    return CompletionClient(factories.make_key(**fields)[1], raise_request_exception=False)


def begin(api: CompletionClient) -> Any:
    """A stream that runs until it is closed."""
    stream = api.complete("small", "Hi", stream=True)
    if stream.status_code == 200:
        next(iter(stream.streaming_content))
    return stream


def end(*streams: Any) -> None:
    """Leave these streams, and wait until they are settled."""
    for stream in streams:
        stream.close()
    assert wait_for_calls(10)


def test_call_beyond_the_limit_of_the_key_is_refused(host: Limit) -> None:
    api = client(concurrent_calls=1)
    stream, refused = begin(api), api.complete("small", "Hi")
    end(stream)
    assert refused.status_code == 429
    assert refused.json()["error"]["message"] == "Too many concurrent calls: this key is limited to 1."
    assert (refused["Retry-After"], refused["retry-after-ms"]) == ("1", "1000")
    assert UsageRecord.objects.count() == 1


def test_place_is_free_again_after_the_call(host: Limit) -> None:
    api = client(concurrent_calls=1)
    for _ in range(3):
        stream = begin(api)
        assert stream.status_code == 200
        end(stream)
    assert [api.complete("small", "Hi").status_code for _ in range(3)] == [200] * 3


def test_keys_of_one_account_share_its_places(host: Limit) -> None:
    host(KEY_ADAPTER=AccountAdapter)
    streams = [begin(client()) for _ in range(2)]
    refused = begin(client())
    end(*streams)
    assert refused.status_code == 429
    assert "this account is limited to 2" in refused.json()["error"]["message"]
    assert client().complete("small", "Hi").status_code == 200


def test_call_that_the_key_may_not_begin_takes_no_place_of_the_account(host: Limit) -> None:
    host(KEY_ADAPTER=AccountAdapter)
    single = client(concurrent_calls=1)
    stream = begin(single)
    assert [single.complete("small", "Hi").status_code for _ in range(3)] == [429] * 3
    assert client().complete("small", "Hi").status_code == 200
    end(stream)


def test_limit_of_zero_refuses_every_call_for_good(host: Limit) -> None:
    response = client(concurrent_calls=0).complete("small", "Hi")
    assert (response.status_code, response["x-should-retry"]) == (429, "false")
    assert "Retry-After" not in response


def test_limit_of_the_key_replaces_that_of_the_process(host: Limit) -> None:
    host(CONCURRENT_CALLS_PER_KEY=1)
    api = client(concurrent_calls=2)
    streams = [begin(api) for _ in range(2)]
    end(*streams)
    assert [stream.status_code for stream in streams] == [200, 200]


def test_key_without_a_limit_counts_nothing_in_the_cache(host: Limit, settings: Settings, caplog: Any) -> None:
    settings.CACHES = BROKEN
    with caplog.at_level(logging.WARNING, "threadless"):
        assert client().complete("small", "Hi").status_code == 200
    assert not caplog.records


def test_call_is_admitted_without_the_cache(host: Limit, settings: Settings) -> None:
    settings.CACHES = BROKEN
    assert client(concurrent_calls=0).complete("small", "Hi").status_code == 200


def test_call_is_refused_without_the_cache_if_the_host_says_so(host: Limit, settings: Settings) -> None:
    host(CACHE_FAILURE="refuse")
    settings.CACHES = BROKEN
    assert client(concurrent_calls=1).complete("small", "Hi").status_code == 503


def test_cache_that_fails_during_a_call_costs_no_answer(host: Limit, settings: Settings) -> None:
    api = client(concurrent_calls=1)
    stream = begin(api)
    settings.CACHES = BROKEN
    end(stream)
    assert UsageRecord.objects.get().state == "cancelled"


class AlwaysFull(Gate):
    """A host's gate that comes after ours and refuses."""

    def admit(self, call: Any) -> None:
        raise RateLimited("Full.")


def test_place_is_given_back_when_another_gate_refuses(host: Limit) -> None:
    api = client(concurrent_calls=1)
    host(GATES=[SharedConcurrencyGate, AlwaysFull])
    assert api.complete("small", "Hi").json()["error"]["message"] == "Full."
    host(GATES=[SharedConcurrencyGate])
    assert api.complete("small", "Hi").status_code == 200


def test_long_call_gives_back_the_place_that_it_took(host: Limit) -> None:
    secret = factories.make_key(concurrent_calls=1)[1]
    api, (_, caller) = CompletionClient(secret), ModelKeyAdapter().authenticate(secret)
    with time_machine.travel("2030-01-01T12:00:20Z", tick=False) as clock:
        stream = begin(api)
        clock.shift(600)
        assert levels_of(caller, "calls")[0].left == 0
        end(stream)
        assert levels_of(caller, "calls")[0].left == 1


def test_evicted_count_admits_the_next_call(host: Limit) -> None:
    api = client(concurrent_calls=1)
    first = begin(api)
    caches["default"].clear()
    second = begin(api)
    end(first, second)
    assert second.status_code == 200


def test_stream_that_completes_gives_its_place_back(host: Limit) -> None:
    api = client(concurrent_calls=1)
    host(BACKENDS={"default": {"BACKEND": "threadless.backends.dummy.DummyBackend"}})
    assert read_events(api.complete("small", "Hi", stream=True)).is_done
    assert wait_for_calls(10)
    assert api.complete("small", "Hi").status_code == 200
