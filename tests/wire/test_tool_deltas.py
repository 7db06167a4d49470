"""Tool calls in streams: put together alike by every SDK, however the upstream numbers them."""

from __future__ import annotations

from typing import Any

import pytest
from openai.lib.streaming.chat._completions import accumulate_delta  # type: ignore[attr-defined]

from tests.support.bodies import chunk
from tests.support.client import Client
from tests.support.upstream import ScriptedUpstream

A, B = {"id": "call_a", "type": "function"}, {"id": "call_b", "type": "function"}


def call(name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {**fields, "function": function}


USUAL = [call("f", "", index=0, **A), call(None, '{"x":', index=0), call(None, "1}", index=0)]
FORMS: dict[str, list[dict[str, Any]]] = {
    "usual": [*USUAL, call("g", "{}", index=1, **B)],
    "no index": [call("f", '{"x":', **A), call(None, "1}"), call("g", "{}", **B)],
    "no index, id in each": [call("f", '{"x":', **A), call(None, "1}", **A), call("g", "{}", **B)],
    "index null": [call("f", '{"x":', index=None, **A), call(None, "1}", index=None, id=None), call("g", "{}", **B)],
    "id and name in each": [
        call("f", '{"x":', index=0, **A),
        call("f", "1}", index=0, **A),
        call("g", "{}", index=1, **B),
    ],
    "index from 1": [call("f", '{"x":', index=1, **A), call(None, "1}", index=1), call("g", "{}", index=2, **B)],
    "all index 0": [call("f", '{"x":1}', index=0, **A), call("g", "{", index=0, **B), call(None, "}", index=0)],
    "name later": [call(None, "", index=0, **A), call("f", '{"x":1}', index=0), call("g", "{}", index=1, **B)],
    "empty id and name": [*USUAL[:2], call("", "1}", index=0, id=""), call("g", "{}", index=1, **B)],
    "arguments as object": [call("f", {"x": 1}, index=0, **A), call("g", {}, index=1, **B)],
    "arguments null": [call("f", None, index=0, **A), call(None, '{"x":1}', index=0), call("g", "{}", index=1, **B)],
    "no type": [call("f", '{"x":1}', index=0, id="call_a"), call("g", "{}", index=1, id="call_b")],
    "mixed order": [*USUAL[:2], call("g", "{", index=1, **B), call(None, "1}", index=0), call(None, "}", index=1)],
}


@pytest.mark.parametrize("reason", ["tool_calls", "stop", None])
@pytest.mark.parametrize("form", FORMS)
def test_calls_in_any_form_add_up_to_the_same(
    client: Client, upstream: ScriptedUpstream, form: str, reason: str | None
) -> None:
    bodies = [chunk({"tool_calls": [delta]}) for delta in FORMS[form]]
    upstream.script(lambda exchange: exchange.stream(*bodies, *([chunk(finish_reason=reason)] if reason else [])))
    chunks = client.stream().chunks
    deltas = [delta for c in chunks for delta in c["choices"][0]["delta"].get("tool_calls", [])]
    assert all(isinstance(delta["index"], int) for delta in deltas)
    assert [delta["id"] for delta in deltas if "id" in delta] == ["call_a", "call_b"]
    assert [delta["function"]["name"] for delta in deltas if "name" in delta["function"]] == ["f", "g"]
    assert added_up(deltas) == [("call_a", "f", '{"x":1}'), ("call_b", "g", "{}")]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def added_up(deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """As the official SDK does it."""
    message: dict[Any, Any] = {}
    for delta in deltas:
        message = accumulate_delta(message, {"tool_calls": [delta]})
    calls = (entry for entry in message["tool_calls"])
    return [
        (entry["id"], entry["function"]["name"], entry["function"]["arguments"].replace(" ", "")) for entry in calls
    ]


def test_calls_in_one_delta_keep_apart(client: Client, upstream: ScriptedUpstream) -> None:
    both = [call("f", "{}", **A), call("g", "{}", **B)]
    upstream.script(lambda exchange: exchange.stream(chunk({"tool_calls": both}), chunk(finish_reason="tool_calls")))
    assert [d["index"] for d in client.stream().chunks[0]["choices"][0]["delta"]["tool_calls"]] == [0, 1]


def test_call_without_any_id_gets_one(client: Client, upstream: ScriptedUpstream) -> None:
    upstream.script(
        lambda exchange: exchange.stream(chunk({"tool_calls": [call("f", "{}")]}), chunk(finish_reason="stop"))
    )
    (delta,) = client.stream().chunks[0]["choices"][0]["delta"]["tool_calls"]
    assert delta["id"].startswith("call_")
    assert (delta["index"], delta["type"]) == (0, "function")
