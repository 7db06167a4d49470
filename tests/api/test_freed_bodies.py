"""A large request is freed once the upstream has it, and still counted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import factories
from tests.support.bodies import chunk, completion, usage_chunk
from tests.support.client import PATH, body_of
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.server.memory import in_flight
from threadless.testing import CompletionClient

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = 2_000_000
"""Characters. Smaller requests are kept."""
WAIT = 10
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def api(settings: Any, upstream: ScriptedUpstream) -> CompletionClient:
    backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": {"base_url": upstream.base_url}}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}}
    return CompletionClient(factories.make_key()[1])


def ask(api: CompletionClient, **fields: Any) -> Any:
    """The response to a large question."""
    content = json.dumps(body_of("x" * LARGE, **fields)).encode()
    return api.post(PATH, content, content_type="application/json")


def bytes_soon() -> int:
    """What is in flight as soon as nothing is, or after some seconds."""
    end = time.monotonic() + WAIT
    while in_flight.bytes and time.monotonic() < end:
        time.sleep(0.01)
    return in_flight.bytes


def test_large_request_is_freed_while_the_upstream_thinks(api: CompletionClient, upstream: ScriptedUpstream) -> None:
    seen: list[int] = []

    def think(exchange: Exchange) -> None:
        seen.append(bytes_soon())
        exchange.answer(completion("Hello"))

    upstream.script(think)
    assert ask(api).status_code == 200
    assert seen == [0]


def test_large_request_is_freed_while_the_answer_streams(api: CompletionClient, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.stream(chunk({"content": "Hi"}), chunk(finish_reason="stop")))
    events = iter(ask(api, stream=True))
    next(events)
    assert in_flight.bytes == 0
    list(events)
    assert wait_for_calls(WAIT)


@both_kinds
def test_large_request_is_counted_if_the_upstream_reports_nothing(
    api: CompletionClient, upstream: ScriptedUpstream, stream: bool
) -> None:
    def answer(exchange: Exchange) -> None:
        if stream:
            exchange.stream(chunk({"content": "Hi"}), chunk(finish_reason="stop"))
        else:
            exchange.answer({**completion("Hi"), "usage": None})

    upstream.script(answer)
    b"".join(ask(api, stream=stream))
    assert wait_for_calls(WAIT)
    row = UsageRecord.objects.get()
    assert (row.usage_source, row.prompt_tokens) == ("estimated", LARGE // 4 + 4)


def test_absurd_count_of_a_large_request_is_not_believed(api: CompletionClient, upstream: ScriptedUpstream) -> None:
    usage = usage_chunk()["usage"] | {"prompt_tokens": 2_000_000_000, "total_tokens": 2_000_000_005}
    upstream.script(lambda exchange: exchange.answer({**completion("Hi"), "usage": usage}))
    ask(api)
    assert UsageRecord.objects.get().prompt_tokens == LARGE // 4 + 4


def test_stream_is_sent_again_without_a_refused_field(api: CompletionClient, upstream: ScriptedUpstream) -> None:
    def refuse(exchange: Exchange) -> None:
        if "stream_options" in exchange.body:
            exchange.answer({"error": {"message": "unknown field stream_options"}}, status=400)
        else:
            exchange.stream(chunk({"content": "Hi"}), chunk(finish_reason="stop"))

    upstream.script(refuse)
    assert b"Hi" in b"".join(ask(api, stream=True))
    assert wait_for_calls(WAIT)
    assert [len(exchange.body["messages"][0]["content"]) for exchange in upstream.exchanges] == [LARGE] * 2
