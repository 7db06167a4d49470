"""Rules of tool history and tool names, checked before anything is spent; each failure names its index and id.

Providers answer a broken history with a 400 that says little, after having read and sometimes billed the prompt.
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
    ToolChoice,
    ToolMessage,
)
from threadless.exceptions import InvalidRequest
from threadless.types import JSONObject, JSONValue, Target


def check_tools(fields: Fields, target: Target) -> None:
    """Raise `InvalidRequest` unless history, tool names and tool choice fit together."""
    _check_history(fields.messages)
    taken = {name for tool in target.tools if (name := _name_of(tool))}
    names = _check_names(fields.tools or (), taken)
    _check_functions(fields.functions or (), names)
    _check_choice(fields.tool_choice, names)


def _check_history(messages: Sequence[Message]) -> None:
    """A `tool` message answers a call of the assistant turn before it; each call is answered once."""
    asked_at = -1
    unanswered: dict[str, None] = {}
    answered: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            _check_answer(message.tool_call_id, index, unanswered, answered)
            del unanswered[message.tool_call_id]
            answered.add(message.tool_call_id)
            continue
        _check_all_answered(unanswered, asked_at)
        asked_at, answered = index, set()
        unanswered = _calls_of(message, index)
    _check_all_answered(unanswered, asked_at)


def _calls_of(message: Message, index: int) -> dict[str, None]:
    calls = (message.tool_calls or []) if isinstance(message, AssistantMessage) else []
    ids: dict[str, None] = {}
    for place, call in enumerate(calls):
        if call.id in ids:
            param = f"messages[{index}].tool_calls[{place}].id"
            _refuse(param, f"messages[{index}] has two tool calls with the id", call.id)
        ids[call.id] = None
    return ids


def _check_answer(call_id: str, index: int, unanswered: dict[str, None], answered: set[str]) -> None:
    param = f"messages[{index}].tool_call_id"
    if call_id in answered:
        _refuse(param, f"messages[{index}] answers a second time the tool call", call_id)
    if call_id not in unanswered:
        _refuse(param, f"messages[{index}] answers no tool call of the assistant message before it: id", call_id)


def _check_all_answered(unanswered: dict[str, None], asked_at: int) -> None:
    if unanswered:
        param = f"messages[{asked_at}].tool_calls"
        _refuse(param, f"messages[{asked_at}] has tool calls that no tool message answers: id", *unanswered)


def _check_names(tools: Sequence[Tool], taken: set[str]) -> set[str]:
    names = set(taken)
    for index, tool in enumerate(tools):
        name = tool.name
        if name is None:
            continue
        param = f"tools[{index}].{tool.type}.name"
        if name in taken:
            _refuse(param, f"tools[{index}] has the name of one of the agent's own tools:", name)
        if name in names:
            _refuse(param, f"tools[{index}] has the name of an earlier tool:", name)
        names.add(name)
    return names


def _check_functions(functions: Sequence[Function], names: set[str]) -> None:
    """The legacy `functions` share their names with the tools."""
    taken = set(names)
    for index, function in enumerate(functions):
        if function.name in taken:
            _refuse(f"functions[{index}].name", f"functions[{index}] has the name of another tool:", function.name)
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
            _refuse("tool_choice", "tool_choice names no tool of 'tools':", named.name)


def _refuse(param: str, problem: str, *ids: str) -> NoReturn:
    shown = ", ".join(f"'{name[:64]}'" for name in ids[:10])
    raise InvalidRequest(f"{problem} {shown}.", param=param)
