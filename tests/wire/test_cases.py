"""What upstreams, hosts and clients really send: what the client, the row and the log get, in each form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.wire.cases import CASES
from tests.wire.cases.calling import CaseServer, Result
from tests.wire.cases.case import KEY, PRIVATE_MODEL, Case
from tests.wire.cases.evidence import FOUND_ELSEWHERE, READ
from tests.wire.strict import TYPES

_KNOWN_REASONS = ("stop", "length", "content_filter", "tool_calls", "function_call", None)


KINDS = {
    "W1": "error in a success",
    "W2": "finish reason",
    "W3": "usage",
    "W4": "host value",
    "W5": "cache",
    "W6": "tool calls",
    "W7": "retry",
    "W8": "stream options",
    "W9": "refusal",
    "W10": "form",
    "W11": "request",
}


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_has_eight_cases_in_each_form(kind: str, is_stream: bool) -> None:
    assert len([case for case in CASES if case.kind == kind and is_stream in case.forms]) >= 8


def test_there_is_no_other_kind() -> None:
    assert {case.kind for case in CASES} == set(KINDS.values())
    assert len(CASES) >= 280


def test_each_case_has_its_source() -> None:
    assert [case.name for case in CASES if not re.fullmatch(r"https://\S+\.\S+/?\S*", case.source)] == []
    assert len({case.id for case in CASES}) == len(CASES)


def test_sources_are_verified_and_each_is_used() -> None:
    verified = READ.keys() | FOUND_ELSEWHERE.keys()
    assert READ.keys().isdisjoint(FOUND_ELSEWHERE)
    assert verified == {case.source for case in CASES}


@pytest.mark.parametrize(
    ("case", "is_stream"),
    [
        pytest.param(case, is_stream, id=f"{case.id} {'stream' if is_stream else 'plain'}")
        for case in CASES
        for is_stream in case.forms
    ],
)
def test_input_becomes_what_is_expected(case: Case, is_stream: bool, case_server: CaseServer) -> None:
    result = case_server.call(case, is_stream=is_stream)
    compare_answer(result, case)
    compare_failure(result, case)
    compare_row(result, case)
    compare_log(result, case)
    compare_sent(result, case)
    assert "private, no-store" in result.reply.headers["Cache-Control"]
    assert "Authorization" in result.reply.headers["Vary"]
    for text in case.expected.shown:
        assert text in result.shown
    for text in (*case.expected.hidden, KEY, PRIVATE_MODEL):
        assert text not in result.shown
    for text in (KEY, PRIVATE_MODEL):
        assert text not in result.kept
    judge(result)


def compare_answer(result: Result, case: Case) -> None:
    expected = case.expected
    if expected.text is not None:
        assert result.message["content"] == expected.text
    if expected.reason is not None:
        assert result.reasons == [expected.reason]
    if expected.calls is not None:
        assert result.calls == expected.calls
        assert len({call["id"] for call in result.message["tool_calls"]}) == len(expected.calls)
    if result.is_stream:
        assert result.is_done is (expected.state == "completed")


def compare_failure(result: Result, case: Case) -> None:
    expected, error = case.expected, result.error
    assert (error is None) is (expected.state == "completed"), result.shown
    if error is None:
        return
    for name in ("code", "param"):
        assert getattr(expected, name) in (None, error[name])
    assert expected.message is None or expected.message in error["message"]
    if not result.is_stream:
        assert expected.status in (None, result.reply.status)
        for name, value in expected.headers.items():
            assert result.reply.headers.get(name, "") == value


def compare_row(result: Result, case: Case) -> None:
    expected, row = case.expected, result.row
    if row is None:
        assert expected.state == "refused"
        return
    code = result.error["code"] if result.error else None
    assert (row["state"], row["http_status"]) == (expected.state, result.reply.status)
    assert (row["error_code"], row["tool_calls"]) == ((code or "")[:64], len(expected.calls or ()) or row["tool_calls"])
    assert row["finish_reason"] == expected.reason or expected.reason is None
    compare_counts(result, case, row)


def compare_counts(result: Result, case: Case, row: dict[str, Any]) -> None:
    expected = case.expected
    if expected.tokens is not None:
        assert (row["prompt_tokens"], row["completion_tokens"]) == expected.tokens
        assert f'"total_tokens":{sum(expected.tokens)}' in result.shown
    assert expected.cached in (None, row["cached_tokens"])
    assert expected.reasoning in (None, row["reasoning_tokens"])
    assert expected.source in (None, row["usage_source"])


def compare_log(result: Result, case: Case) -> None:
    """One line for each failure, with what an operator looks for; for a refused request one at debug level."""
    if case.expected.state == "completed":
        assert result.records == []
        return
    ((level, line),) = result.records
    if case.expected.state == "refused":
        assert level == "DEBUG"
        return
    assert level in ("WARNING", "ERROR")
    assert re.search(r"backend '(default|function|stream options: .*)', \d+\.\d{3} s: \S", line), line
    for text in case.expected.logged:
        assert text in line


def compare_sent(result: Result, case: Case) -> None:
    assert {name: result.sent.get(name) for name in case.expected.sent} == case.expected.sent
    if case.expected.state == "refused":
        assert result.sent == {}


def judge(result: Result) -> None:
    """Fails unless each body is valid for the strict types of the `openai` package, an unknown finish reason aside."""
    for body in result.bodies:
        body.pop("service_tier", None)  # each upstream has its own tiers
        for choice in body.get("choices", ()):
            choice["finish_reason"] = choice["finish_reason"] if choice["finish_reason"] in _KNOWN_REASONS else "stop"
            hide_custom_calls(choice.get("delta") or choice.get("message") or {})
        kind, value = ("error", body["error"]) if "error" in body else (body["object"], body)
        TYPES[kind].validate_json(json.dumps(value), strict=True)


def hide_custom_calls(message: dict[str, object]) -> None:
    """The types for streams do not know custom tools."""
    calls = message.get("tool_calls")
    if isinstance(calls, list) and any("custom" in call for call in calls):
        del message["tool_calls"]
