"""Credentials that depend on the caller: nothing of one tenant's upstream serves another tenant."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from tests.support.bodies import chunks_of, completion
from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally
from threadless.backends.openai import OpenAIBackend
from threadless.exceptions import InsufficientQuota, InvalidBackend, InvalidRequest, UpstreamError
from threadless.models import UsageRecord
from threadless.testing import CompletionClient
from threadless.types import Caller, ChatRequest, Credentials, Target

MODEL = Target(id="small", model="small")
ADA = Caller(user_id=1, account="ada")
BOB = Caller(user_id=2, account="bob")
KEYS = {"ada": "sk-ada-CANARY-0123456789", "bob": "sk-bob-CANARY-9876543210"}
WAIT = 10


def own_key(caller: Caller, target: Target) -> Credentials:
    """Each account has its own key at the same upstream."""
    return Credentials(api_key=KEYS[caller.account])


@pytest.fixture
def backend(upstream: ScriptedUpstream) -> OpenAIBackend:
    """Serves both accounts at one upstream."""
    return OpenAIBackend(base_url=upstream.base_url, credentials=own_key, alias="default")


def ask(backend: OpenAIBackend, caller: Caller) -> dict[str, Any]:
    return backend.complete(ChatRequest.build(messages=[]), MODEL, caller).body


def stream(backend: OpenAIBackend, caller: Caller) -> list[dict[str, Any]]:
    return list(backend.stream(ChatRequest.build(messages=[]), MODEL, caller))


def keys_by_connection(upstream: ScriptedUpstream) -> dict[int, set[str]]:
    """The keys that arrived over each connection."""
    found: dict[int, set[str]] = defaultdict(set)
    for exchange in upstream.exchanges:
        found[exchange.connection].add(exchange.headers["Authorization"].removeprefix("Bearer "))
    return found


@pytest.mark.parametrize("call", [ask, stream])
def test_each_tenant_calls_its_own_address_with_its_own_key(upstream: ScriptedUpstream, call: Any) -> None:
    with ScriptedUpstream() as other:
        addresses = {"ada": upstream.base_url, "bob": other.base_url}
        backend = OpenAIBackend(
            credentials=lambda caller, target: Credentials(
                base_url=addresses[caller.account], api_key=KEYS[caller.account], headers={"X-Tenant": caller.account}
            )
        )
        call(backend, ADA)
        call(backend, BOB)
        sent = [(each.headers["Authorization"], each.headers["X-Tenant"]) for each in upstream.exchanges]
        sent_to_other = [(each.headers["Authorization"], each.headers["X-Tenant"]) for each in other.exchanges]
    assert sent == [(f"Bearer {KEYS['ada']}", "ada")]
    assert sent_to_other == [(f"Bearer {KEYS['bob']}", "bob")]


def test_function_receives_caller_and_target(upstream: ScriptedUpstream) -> None:
    seen: list[Any] = []

    def note(caller: Caller, target: Target) -> Credentials:
        seen.append((caller, target))
        return Credentials(base_url=upstream.base_url)

    ask(OpenAIBackend(credentials=note), ADA)
    assert seen == [(ADA, MODEL)]
    assert "Authorization" not in upstream.exchanges[0].headers


def test_function_is_called_once_for_a_stream_that_is_sent_twice(upstream: ScriptedUpstream) -> None:
    seen: list[Caller] = []

    def note(caller: Caller, target: Target) -> Credentials:
        seen.append(caller)
        return own_key(caller, target)

    upstream.script(refuse_stream_options)
    stream(OpenAIBackend(base_url=upstream.base_url, credentials=note), ADA)
    assert (len(seen), len(upstream.exchanges)) == (1, 2)


def test_connection_is_used_again_by_its_own_tenant_alone(backend: OpenAIBackend, upstream: ScriptedUpstream) -> None:
    for caller in (ADA, BOB) * 500:
        ask(backend, caller)
        if len(found := keys_by_connection(upstream)) < len(upstream.exchanges):
            break
    assert len(found) < len(upstream.exchanges)
    assert all(len(keys) == 1 for keys in found.values())


def test_tenants_that_call_at_once_share_no_connection(backend: OpenAIBackend, upstream: ScriptedUpstream) -> None:
    def call_often(caller: Caller, call: Callable[..., Any]) -> None:
        for _ in range(10):
            call(backend, caller)

    threads = [
        threading.Thread(target=call_often, args=(caller, call)) for caller in (ADA, BOB) * 3 for call in (ask, stream)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT * 3)
    assert len(upstream.exchanges) == 120
    assert {len(keys) for keys in keys_by_connection(upstream).values()} == {1}


def test_tenant_that_leaves_in_mid_stream_ends_only_its_own_stream(
    backend: OpenAIBackend, upstream: ScriptedUpstream
) -> None:
    may_end = threading.Event()

    def stop_and_go(exchange: Exchange) -> None:
        first, *rest = chunks_of("Hello", " there")
        exchange.start()
        exchange.event(first)
        may_end.wait(WAIT)
        for body in rest:
            exchange.event(body)
        exchange.end()

    upstream.script(stop_and_go)
    streams = [backend.stream(ChatRequest.build(messages=[]), MODEL, caller) for caller in (ADA, BOB)]
    for each in streams:
        next(each)
    streams[0].close()  # type: ignore[attr-defined]
    may_end.set()
    assert [chunk["choices"][0]["delta"]["content"] for chunk in islice(streams[1], 2)] == ["Hello", " there"]
    assert len(list(streams[1])) == 2


def refuse_stream_options(exchange: Exchange) -> None:
    """As an upstream that does not know the field."""
    if "stream_options" in exchange.body:
        exchange.answer({"error": {"message": "Extra inputs", "param": "stream_options"}}, status=400)
    else:
        answer_normally(exchange)


def test_what_is_learned_from_one_upstream_is_not_applied_to_another(
    backend: OpenAIBackend, upstream: ScriptedUpstream
) -> None:
    upstream.script(refuse_stream_options)
    stream(backend, ADA)
    upstream.script()
    stream(backend, BOB)
    stream(backend, ADA)
    assert ["stream_options" in exchange.body for exchange in upstream.exchanges] == [True, False, True, False]


@pytest.mark.parametrize("call", [ask, stream])
def test_refusal_that_repeats_the_key_of_the_tenant_is_redacted(
    backend: OpenAIBackend, upstream: ScriptedUpstream, call: Any
) -> None:
    upstream.script(
        lambda exchange: exchange.answer({"error": {"message": f"Bad: {exchange.headers['Authorization']}"}}, 400)
    )
    for caller in (ADA, BOB, ADA):
        with pytest.raises(InvalidRequest) as caught:
            call(backend, caller)
        assert caught.value.message == "Bad: [redacted]"


def test_unknown_field_that_repeats_the_address_of_the_tenant_is_redacted(upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(completion(served_by=f"{upstream.base_url}/chat")))
    backend = OpenAIBackend(credentials=lambda caller, target: Credentials(base_url=upstream.base_url))
    assert ask(backend, ADA)["served_by"] == "[redacted]/chat"


def test_refusal_of_the_function_is_passed_on() -> None:
    def refuse(caller: Caller, target: Target) -> Credentials:
        raise InsufficientQuota("Your team has no account at this provider.")

    with pytest.raises(InsufficientQuota, match="Your team"):
        ask(OpenAIBackend(credentials=refuse), ADA)


def fail(caller: Caller, target: Target) -> Credentials:
    """As a vault that is away."""
    raise ConnectionError("vault.internal")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_stream", [False, True])
def test_function_that_fails_is_a_500_without_its_text(configure: Any, issue_key: Any, is_stream: bool) -> None:
    path = "threadless.backends.openai.OpenAIBackend"
    configure(BACKENDS={"default": {"BACKEND": path, "OPTIONS": {"credentials": f"{__name__}.fail"}}})
    client = CompletionClient(issue_key(scopes=["CHATS:WRITE"])[1], raise_request_exception=False)
    response = client.complete("small", "Hello", stream=is_stream)
    assert response.status_code == 500
    assert b"vault" not in response.content
    assert UsageRecord.objects.get().state == "failed"


@pytest.mark.parametrize("value", [None, "sk-CANARY", ("https://a/v1", "sk-CANARY"), {"api_key": "sk-CANARY"}])
def test_function_that_returns_something_else_is_reported_without_the_value(value: Any) -> None:
    backend = OpenAIBackend(credentials=lambda caller, target: value, alias="default")
    with pytest.raises(InvalidBackend) as caught:
        ask(backend, ADA)
    kind = type(value).__name__
    assert str(caught.value) == f"Backend 'default': credentials must return a Credentials, not a {kind}."


@pytest.mark.parametrize("fields", [{"headers": None}, {"headers": {"X-A": ["CANARY"]}}, {"api_key": ["CANARY"]}])
def test_field_of_the_wrong_type_is_reported_without_the_value(fields: dict[str, Any]) -> None:
    backend = OpenAIBackend(credentials=lambda caller, target: Credentials(**fields), alias="default")
    with pytest.raises(InvalidBackend, match="field of the wrong type") as caught:
        ask(backend, ADA)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [{"base_url": "ftp://CANARY"}, {"base_url": ""}, {"api_key": "CANARY\nX: y"}, {"headers": {"X": "CANARY\n"}}],
)
def test_invalid_credentials_are_a_502_that_is_not_retried(fields: dict[str, Any]) -> None:
    given = {"base_url": "https://api.example.com/v1"} | fields
    with pytest.raises(UpstreamError) as caught:
        ask(OpenAIBackend(credentials=lambda caller, target: Credentials(**given), alias="default"), ADA)
    assert caught.value.headers == {"x-should-retry": "false"}
    assert caught.value.log_detail.startswith("Backend 'default': ")
    assert "CANARY" not in caught.value.log_detail


@pytest.mark.parametrize("options", [{"api_key": "sk-platform"}, {"headers": {"api-key": "sk-platform"}}])
def test_key_of_the_platform_cannot_be_combined_with_credentials(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidBackend, match="credentials replaces api_key and headers"):
        OpenAIBackend(base_url="https://api.example.com/v1", credentials=own_key, **options)


@pytest.mark.parametrize("function", [5, "", "no path", "tests.backends.test_credentials.WAIT", "nowhere.at_all"])
def test_option_that_is_no_function_is_refused(function: Any) -> None:
    with pytest.raises(InvalidBackend, match=r"credentials (must be a function|cannot be imported)"):
        OpenAIBackend(credentials=function)


def test_credentials_show_no_secret() -> None:
    assert repr(Credentials(api_key="sk-CANARY")) == "Credentials()"


@pytest.mark.database("postgresql", "mysql")
@pytest.mark.django_db(transaction=True)
def test_connection_that_the_function_used_is_released_before_the_upstream_is_awaited(
    upstream: ScriptedUpstream,
) -> None:
    def look_up(caller: Caller, target: Target) -> Credentials:
        return Credentials(base_url=upstream.base_url, api_key=f"key-{Group.objects.count()}")

    ask(OpenAIBackend(credentials=look_up), ADA)
    assert connection.connection is None
