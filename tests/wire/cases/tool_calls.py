"""Tool calls: numbered or not, in pieces or whole, with ids or without."""

from __future__ import annotations

from typing import Any

from tests.support.bodies import chunk
from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected, called, events

_F = [("f", '{"x":1}')]
_FG = [("f", '{"x":1}'), ("g", "{}")]


def _part(name: str | None, arguments: Any, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {**fields, "function": function}


_WHOLE = _part("f", '{"x":1}', index=0, id="a", type="function")
_OTHER = _part("g", "{}", index=1, id="b", type="function")

TOOL_CALLS = [
    called(
        "usual",
        at.OPENAI_STREAM,
        [[_part("f", "", index=0, id="a", type="function")], [_part(None, '{"x":1}', index=0)], [_OTHER]],
        [_WHOLE, _OTHER],
        calls=_FG,
    ),
    called(
        "type empty",
        at.AZURE_EMPTY_TYPE,
        [[{**_WHOLE, "type": ""}]],
        [{**_WHOLE, "type": ""}],
        calls=_F,
        shown=('"type":"function"',),
        hidden=('"type":""',),
    ),
    called("type null", at.ZEN, [[{**_WHOLE, "type": None}]], [{**_WHOLE, "type": None}], calls=_F),
    called(
        "type of another case",
        at.AI_SDK,
        [[{**_WHOLE, "type": "Function"}]],
        [{**_WHOLE, "type": "Function"}],
        calls=_F,
    ),
    called(
        "name in pieces",
        at.GEMINI_NAME,
        [[_part("get_wea", "", index=0, id="a")], [_part("ther", "", index=0)], [_part("", '{"x":1}', index=0)]],
        calls=[("get_weather", '{"x":1}')],
    ),
    called(
        "name in pieces, grown",
        at.AI_SDK,
        [[_part("get_wea", "", index=0, id="a")], [_part("get_weather", '{"x":1}', index=0, id="a")]],
        calls=[("get_weather", '{"x":1}')],
    ),
    called(
        "new id in each delta",
        at.LMSTUDIO_NAME,
        [[_part("f", "", id="a")], [_part(None, '{"x":', id="b")], [_part(None, "1}", id="c")]],
        calls=_F,
    ),
    called(
        "all index 0 and id empty",
        at.GEMINI_INDEX_0,
        [[_part("f", '{"x":1}', index=0, id="")], [_part("g", "{}", index=0, id="")]],
        [_part("f", '{"x":1}', index=0, id=""), _part("g", "{}", index=0, id="")],
        calls=_FG,
    ),
    called(
        "the same function twice",
        at.GEMINI_INDEX,
        [[_part("f", '{"x":1}', index=0, id="")], [_part("f", '{"x":2}', index=0, id="")]],
        calls=[("f", '{"x":1}'), ("f", '{"x":2}')],
    ),
    called(
        "name after the id",
        at.AI_SDK,
        [[{"index": 0, "id": "a", "type": "function"}], [_part("f", "", index=0)], [_part(None, '{"x":1}', index=0)]],
        calls=_F,
    ),
    called(
        "name after the arguments",
        at.NAME_LAST,
        [[_part(None, '{"x":', index=0, id="a")], [_part("f", "1}", index=0)]],
        calls=_F,
    ),
    called(
        "no name at all",
        at.AI_SDK,
        [[_part(None, '{"x":1}', index=0, id="a")]],
        [_part(None, '{"x":1}', index=0, id="a")],
        state="failed",
        code="upstream_error",
        reason=None,
    ),
    called(
        "name empty",
        at.AI_SDK,
        [[_part("", "{}", index=0, id="a")]],
        [_part("", "{}", index=0, id="a")],
        state="failed",
        code="upstream_error",
        reason=None,
    ),
    called(
        "arguments as an object",
        at.GLM_INDEX,
        [[_part("f", {"x": 1}, index=0, id="a")]],
        [_part("f", {"x": 1}, id="a")],
        calls=_F,
    ),
    called(
        "arguments null",
        at.NULL_ARGUMENTS,
        [[_part("f", None, index=0, id="a")], [_part(None, '{"x":1}', index=0)]],
        calls=_F,
    ),
    called(
        "no arguments", at.LLAMACPP, [[_part("f", "", index=0, id="a")]], [_part("f", None, id="a")], calls=[("f", "")]
    ),
    called(
        "no id",
        at.SGLANG_NO_ID,
        [[_part("f", '{"x":1}', index=0)], [_OTHER]],
        [_part("f", '{"x":1}'), _OTHER],
        calls=_FG,
        shown=('"id":"call_',),
    ),
    called(
        "one id for two calls",
        at.AI_SDK,
        [[_WHOLE], [{**_OTHER, "id": "a"}]],
        [_WHOLE, {**_OTHER, "id": "a"}],
        calls=_FG,
    ),
    called("all index 0, ids differ", at.OLLAMA_INDEX, [[_WHOLE], [{**_OTHER, "index": 0}]], calls=_FG),
    called("index from 1", at.LITELLM_INDEX, [[{**_WHOLE, "index": 1}], [{**_OTHER, "index": 2}]], calls=_FG),
    called("index null", at.MISTRAL, [[{**_WHOLE, "index": None}], [{**_OTHER, "index": None}]], calls=_FG),
    called(
        "a call without arguments and the next",
        at.MOONSHOT,
        [[_part("g", "", index=0, id="b")], [{**_WHOLE, "index": 1}]],
        calls=[("g", ""), ("f", '{"x":1}')],
    ),
    called("nothing in the list", at.ZHIPU_STOP, [[], [_WHOLE]], [{}, _WHOLE], calls=_F),
    called(
        "custom tool",
        at.OPENAI_CUSTOM,
        [
            [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "s", "input": "l"}}],
            [{"index": 0, "custom": {"input": "s"}}],
        ],
        calls=[("s", "ls")],
        breaks_helpers=True,
    ),
    called(
        "further fields",
        at.GEMINI_INDEX,
        [[{**_WHOLE, "extra_content": {"google": {"thought_signature": "Ab+"}}}]],
        [{**_WHOLE, "extra_content": {"google": {"thought_signature": "Ab+"}}}],
        calls=_F,
        shown=("thought_sig",),
    ),
    Case(
        kind="tool calls",
        name="no finish reason",
        source=at.LMSTUDIO_NAME,
        stream=events(chunk({"tool_calls": [_part("f", "", index=0, id="a")]})),
        expected=Expected(calls=[("f", "")], reason="tool_calls"),
    ),
]
