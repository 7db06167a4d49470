"""Checks the tool history and tool names before the upstream is called. Each error names the index and the id.

Providers answer an inconsistent history with an unspecific 400, sometimes after billing the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from threadless.completions.fields import (
    AssistantMessage,
    Fields,
    Function,
    Message,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
)
from threadless.exceptions import InvalidRequest
from threadless.types import JSONObject, JSONValue, Target


def check_tools(fields: Fields, target: Target) -> None:
    """Raise `InvalidRequest` unless tool history, tool names and tool choice are consistent."""
    _check_history(fields.messages)
    taken = {name for tool in target.tools if (name := _name_of(tool))}
    names = _check_names(fields.tools or (), taken)
    if fields.functions:
        _check_functions(fields.functions, names)
    _check_choice(fields.tool_choice, names)


def _check_history(messages: Sequence[Message]) -> None:
    """Each `tool` message must answer a call of the assistant message before it. Each call must be answered once."""
    asked_at = -1
    unanswered: dict[str, None] = {}
    answered: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            _check_answer(message.tool_call_id, index, unanswered, answered)
            del unanswered[message.tool_call_id]
            answered.add(message.tool_call_id)
            continue
        if unanswered:
            _refuse_unanswered(unanswered, asked_at)
        calls = message.tool_calls if isinstance(message, AssistantMessage) else None
        unanswered = _ids_of(calls, index) if calls else {}
        asked_at, answered = index, set()
    if unanswered:
        _refuse_unanswered(unanswered, asked_at)


def _ids_of(calls: Sequence[ToolCall], index: int) -> dict[str, None]:
    ids: dict[str, None] = {}
    for place, call in enumerate(calls):
        if call.id in ids:
            param = f"messages[{index}].tool_calls[{place}].id"
            _refuse(param, f"messages[{index}]: duplicate tool call id", call.id)
        ids[call.id] = None
    return ids


def _check_answer(call_id: str, index: int, unanswered: dict[str, None], answered: set[str]) -> None:
    param = f"messages[{index}].tool_call_id"
    if call_id in answered:
        _refuse(param, f"messages[{index}]: a tool call was already answered:", call_id)
    if call_id not in unanswered:
        _refuse(param, f"messages[{index}]: no tool call in the preceding assistant message has the id", call_id)


def _refuse_unanswered(unanswered: dict[str, None], asked_at: int) -> NoReturn:
    param = f"messages[{asked_at}].tool_calls"
    _refuse(param, f"messages[{asked_at}]: tool calls without a response:", *unanswered)


def _check_names(tools: Sequence[Tool], taken: set[str]) -> set[str]:
    names = set(taken)
    for index, tool in enumerate(tools):
        name = tool.name
        if name is None:
            continue
        param = f"tools[{index}].{tool.type}.name"
        if name in taken:
            _refuse(param, f"tools[{index}]: this agent already has a tool with the name", name)
        if name in names:
            _refuse(param, f"tools[{index}]: duplicate tool name", name)
        names.add(name)
    return names


def _check_functions(functions: Sequence[Function], names: set[str]) -> None:
    """Legacy `functions` and `tools` must not have the same names."""
    taken = set(names)
    for index, function in enumerate(functions):
        if function.name in taken:
            _refuse(f"functions[{index}].name", f"functions[{index}]: duplicate tool name", function.name)
        taken.add(function.name)


def _name_of(tool: JSONObject) -> JSONValue:
    definition = tool.get("function") or tool.get("custom")
    return definition.get("name") if isinstance(definition, dict) else None


def _check_choice(choice: str | ToolChoice | None, names: set[str]) -> None:
    if isinstance(choice, str) and choice == "required" and not names:
        raise InvalidRequest("'tool_choice' is only allowed when 'tools' are given.", param="tool_choice")
    if isinstance(choice, ToolChoice):
        named = choice.function or choice.custom
        if named is not None and named.name not in names:
            _refuse("tool_choice", "tool_choice: 'tools' has no tool with the name", named.name)


def _refuse(param: str, problem: str, *ids: str) -> NoReturn:
    shown = ", ".join(f"'{name[:64]}'" for name in ids[:10])
    raise InvalidRequest(f"{problem} {shown}.", param=param)
