"""The account of a call: the upstream's count, completed by estimates."""

from __future__ import annotations

from typing import Any

import pytest

from threadless.completions.account import Account
from threadless.completions.answer import normalize_completion
from threadless.completions.chunks import ChunkStream
from threadless.types import ChatRequest, Target, Usage

MESSAGES = [{"role": "user", "content": "Hi"}]


def an_account(**fields: Any) -> Account:
    return Account(ChatRequest.build(messages=MESSAGES, **fields), Target(id="small", model="m"))


@pytest.mark.parametrize("field", ["tools", "functions", "response_format", "prediction"])
def test_estimate_of_the_prompt_covers_every_field_that_the_model_reads(field: str) -> None:
    plain, rich = an_account(), an_account(**{field: {"description": "word " * 1000}})
    assert rich.usage().prompt_tokens - plain.usage().prompt_tokens > 1000


def test_reported_usage_is_believed() -> None:
    account, reported = an_account(), Usage(prompt_tokens=60_000, completion_tokens=5_010, reasoning_tokens=5_000)
    account.wrote("Yes.")
    account.report(reported)
    assert account.usage() is reported


def test_text_after_the_report_is_estimated() -> None:
    account = an_account()
    account.report(Usage(prompt_tokens=10, completion_tokens=1))
    account.wrote("word " * 100)
    assert account.usage().completion_tokens > 100
    assert account.usage().source == "estimated"


@pytest.mark.parametrize("reported", [None, Usage(prompt_tokens=3, completion_tokens=4)])
def test_failure_before_any_output_owes_what_was_reported(reported: Usage | None) -> None:
    account = an_account()
    if reported is not None:
        account.report(reported)
    assert account.owed(has_failed=True, has_output=False) is reported


def test_long_text_is_counted_in_pieces_and_not_kept() -> None:
    account = an_account()
    for _ in range(10):
        account.wrote("abcd" * 20_000)
    assert account.tokens() == 200_000


def test_count_of_a_plain_answer_is_believed_even_if_its_text_is_long() -> None:
    account = an_account()
    message = {"role": "assistant", "content": "word " * 1000}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    normalize_completion({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}, "small", account)
    assert account.usage() == Usage(prompt_tokens=9, completion_tokens=5, source="upstream")


def test_count_of_a_stream_is_believed_even_if_its_text_is_long() -> None:
    account = an_account()
    stream = ChunkStream("small", account)
    stream.take({"choices": [{"index": 0, "delta": {"content": "word " * 1000}, "finish_reason": "stop"}]})
    stream.take({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}})
    assert account.usage() == Usage(prompt_tokens=9, completion_tokens=5, source="upstream")
