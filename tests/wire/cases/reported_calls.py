"""Tool calls that users of other gateways and SDKs have reported."""

from __future__ import annotations

from typing import Any

from tests.support.bodies import chunk, completion
from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected, called, events, json_bytes, spoken

_F = [("f", '{"x":1}')]


def _part(name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {**fields, "type": "function", "function": function}


def _nothing_called(name: str, source: str, calls: Any, reason: str = "tool_calls") -> Case:
    """A text, a list of calls without a call, and a finish reason that claims to have one."""
    message = {"role": "assistant", "content": "Hello", "tool_calls": calls}
    return Case(
        kind="tool calls",
        name=name,
        source=source,
        answer=json_bytes(completion(choices=[{"index": 0, "message": message, "finish_reason": reason}])),
        stream=events(spoken(), chunk({"tool_calls": calls}), chunk(finish_reason=reason)),
        expected=Expected(text="Hello", reason="stop", hidden=('"tool_calls"',)),
    )


_WHOLE = _part("f", '{"x":1}', index=0, id="a")
REPORTED_CALLS = [
    called(
        "one call under two indexes",
        at.LOCALAI,
        [[_part("f", "", index=0, id="a")], [{**_WHOLE, "index": 1}]],
        calls=_F,
    ),
    called(
        "one call whole under two indexes", at.LOCALAI, [[_WHOLE], [{**_WHOLE, "index": 1}]], [_WHOLE, _WHOLE], calls=_F
    ),
    called(
        "one call in pieces and whole",
        at.LOCALAI,
        [[_part("f", '{"x"', index=0, id="a")], [{**_WHOLE, "index": 1}], [{**_WHOLE, "index": 2}]],
        calls=_F,
    ),
    called(
        "id of the answer in each call",
        at.LOCALAI_ID,
        [[_WHOLE], [_part("f", '{"x":2}', index=1, id="a")]],
        [_WHOLE, _part("f", '{"x":2}', id="a")],
        calls=[*_F, ("f", '{"x":2}')],
    ),
    _nothing_called("call of nothing", at.LMSTUDIO_ID, [{"id": "", "type": "function"}]),
    _nothing_called("list without calls", at.NO_CALLS_LIST, []),
    _nothing_called("no list of calls", at.COPILOT, None),
    called(
        "two ids for one call",
        at.ATLAS,
        [
            [_part("f", "", index=0, id="call_2")],
            [_part("f", "", index=0, id="call_3")],
            [_part(None, '{"x":1}', index=0)],
        ],
        calls=_F,
    ),
    called("index -1", at.GLM_INDEX, [[_part("f", {"x": 1}, index=-1, id="a")]], calls=_F),
    called(
        "index always 1", at.FOUNDRY, [[_part("f", '{"x":', index=1, id="a")], [_part(None, "1}", index=1)]], calls=_F
    ),
    called(
        "nulls in further deltas",
        at.ZEN,
        [
            [_part("f", "", index=0, id="a")],
            [{"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": '{"x":1}'}}],
        ],
        calls=_F,
        hidden=('"name":null', '"id":null'),
    ),
    called(
        "empty strings in further deltas",
        at.DASHSCOPE,
        [[_part("f", '{"x":', index=0, id="a")], [_part("", "1}", index=0, id="")]],
        calls=_F,
        hidden=('"name":""', '"id":""'),
    ),
    called(
        "id in each delta",
        at.VLLM_IDS,
        [[_part("f", '{"x":', index=0, id="a")], [_part(None, "1}", index=0, id="a")]],
        calls=_F,
    ),
    called(
        "type in each delta",
        at.LITELLM_TYPE,
        [[_part("f", "", id="a", index=1)], [_part(None, '{"x":1}', index=1)]],
        calls=_F,
    ),
    called(
        "name in each delta",
        at.LLAMACPP_NAME,
        [[_part("f", '{"x":', index=0, id="a")], [_part("f", "1}", index=0)]],
        calls=_F,
    ),
    called(
        "name in each delta, no arguments at first",
        at.MINIMAX_NAME,
        [[_part("f", "", index=0, id="a")], [_part("f", '{"x":', index=0)], [_part("f", "1}", index=0)]],
        calls=_F,
    ),
    called(
        "no id from the second call on",
        at.SGLANG_NO_ID,
        [[_WHOLE], [{"index": 1, "id": None, "function": {"name": "g", "arguments": "{}"}}]],
        calls=[*_F, ("g", "{}")],
        shown=('"id":"call_',),
    ),
    called(
        "no type at all",
        at.AZURE_TYPE,
        [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}]],
        [{"id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}],
        calls=_F,
        shown=('"type":"function"',),
    ),
    called("nothing more at the end", at.VLLM_END, [[_WHOLE], [{"index": 0, "function": {"arguments": ""}}]], calls=_F),
]
