"""The repair of tool calls: what is held, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from threadless.completions.tool_call_deltas import ToolCallDeltas, repair_calls
from threadless.exceptions import UpstreamError


def delta(name: str | None, arguments: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "function": {"arguments": arguments} | ({} if name is None else {"name": name})}


def test_known_name_leaves_at_once() -> None:
    calls = ToolCallDeltas(lambda: frozenset({"f"}))
    (first,) = calls.take([delta("f", "", index=0, id="a")])
    assert (first["id"], first["function"]) == ("a", {"name": "f", "arguments": ""})


def test_other_name_waits_for_the_arguments() -> None:
    calls = ToolCallDeltas()
    assert calls.take([delta("f", "", index=0, id="a")]) == []
    (first,) = calls.take([delta(None, "{", index=0)])
    assert first["function"] == {"name": "f", "arguments": "{"}


def test_calls_are_numbered_in_the_order_in_which_they_leave() -> None:
    calls = ToolCallDeltas()
    sent = calls.take([delta(None, "{", index=0, id="a"), delta("g", "{}", index=1, id="b")])
    sent += calls.take([delta("f", "}", index=0)])
    assert [(call["index"], call["id"], call["function"]["arguments"]) for call in sent] == [
        (0, "b", "{}"),
        (1, "a", "{}"),
    ]


def test_arguments_without_a_name_are_not_held_without_limit() -> None:
    calls = ToolCallDeltas()
    pieces = [delta(None, "x" * 65_536, index=0, id="a") for _ in range(10)]
    with pytest.raises(UpstreamError, match="without a name"):
        calls.take(pieces)


def test_long_arguments_are_passed_on() -> None:
    text = '{"x":"%s"}' % ("y" * 500_000)
    (call,) = repair_calls([delta("f", text, id="a")])
    assert call["function"]["arguments"] == text
    calls = ToolCallDeltas()
    sent = (
        calls.take([delta("f", "{", id="a")]) + calls.take([delta(None, text, id="a")]) + calls.take([delta(None, "}")])
    )
    assert [len(each["function"]["arguments"]) for each in sent] == [1, len(text), 1]
