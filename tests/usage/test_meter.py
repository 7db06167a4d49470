"""A platform's own chats are metered into the ledger with one call."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import transaction

from threadless.exceptions import RateLimited, UpstreamError
from threadless.types import Caller, ChatRequest, Chunk, Completion, Target, Usage
from threadless.usage.meter import meter
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

TARGET = Target(id="small", model="upstream-small", price={"prompt": Decimal(2), "completion": Decimal(8)})
REQUEST = ChatRequest.build(messages=[{"role": "user", "content": "Hello"}])
CALLER = Caller(user_id=None, account="acme")
USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}


def record() -> UsageRecord:
    return UsageRecord.objects.get()


def chunks() -> Iterator[Chunk]:
    for text in ("Hel", "lo"):
        yield {"choices": [{"index": 0, "delta": {"content": text}}]}
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield {"choices": [], "usage": USAGE}


def test_record_is_open_while_platform_waits() -> None:
    with meter(REQUEST, TARGET, CALLER) as metering:
        assert (record().state, record().request_id) == ("open", metering.request.request_id)


def test_plain_answer_is_metered_and_stays_unchanged() -> None:
    completion = Completion.from_text("Hello", usage=USAGE)
    before = repr(completion.body)
    with meter(REQUEST, TARGET, CALLER) as metering:
        assert metering.answered(completion) is completion
    found = record()
    assert (found.state, found.operation, found.account) == ("completed", "host-chat", "acme")
    assert (found.prompt_tokens, found.completion_tokens, found.cost_nano) == (10, 3, 44_000)
    assert repr(completion.body) == before


def test_stream_is_metered_and_stays_unchanged() -> None:
    with meter(REQUEST, TARGET, CALLER, is_stream=True) as metering:
        assert list(metering.stream(chunks())) == list(chunks())
    found = record()
    assert (found.state, found.completion_tokens, found.usage_source) == ("completed", 3, "upstream")
    assert (found.is_stream, found.finish_reason) == (True, "stop")
    assert found.first_token_ms is not None


def test_stream_that_is_not_read_to_its_end_is_cancelled() -> None:
    with meter(REQUEST, TARGET, CALLER, is_stream=True) as metering:
        next(metering.stream(chunks()))
    assert (record().state, record().usage_source) == ("cancelled", "estimated")


def test_own_count_is_used() -> None:
    with meter(REQUEST, TARGET, CALLER, operation="summary") as metering:
        metering.usage = Usage(prompt_tokens=7, completion_tokens=1)
    assert (record().operation, record().prompt_tokens, record().cost_nano) == ("summary", 7, 22_000)


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (RateLimited("Wait."), "failed", "rate_limit_exceeded"),
        (ValueError("a mistake"), "failed", "internal_error"),
        (KeyboardInterrupt(), "cancelled", ""),
    ],
)
def test_error_settles_record_and_is_raised(error: BaseException, state: str, code: str) -> None:
    with pytest.raises(type(error)), meter(REQUEST, TARGET, CALLER):
        raise error
    assert (record().state, record().error_code) == (state, code)


def test_answer_that_says_it_failed_is_a_failure() -> None:
    with pytest.raises(UpstreamError), meter(REQUEST, TARGET, CALLER) as metering:
        metering.answered(Completion(body={"choices": []}))
    assert record().state == "failed"


@pytest.mark.django_db(transaction=True)
def test_meter_inside_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), meter(REQUEST, TARGET, CALLER):
        pass
