"""One tool call in the form of the reference: the parts that plain answers and streams have in common."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

import msgspec

from threadless.encoding import encode
from threadless.types import ChatRequest, JSONObject, JSONValue, Target


def new_call_id() -> str:
    """A new id for a tool call without one."""
    return f"call_{secrets.token_hex(12)}"


def unique_id(given: str, taken: Collection[str]) -> str:
    """The id that the upstream gave, or a new one if it is empty or belongs to another call of the choice."""
    return given if given and given not in taken else new_call_id()


def kind_of(call: JSONObject, given: Any = None) -> str:
    """The type of a call. The SDKs reject calls whose type is empty or missing."""
    if isinstance(call.get("function"), dict):
        return "function"
    if isinstance(call.get("custom"), dict):
        return "custom"
    return given if isinstance(given, str) and given else "function"


def name_of(part: JSONValue) -> str:
    """The name in a `function` or `custom` object; empty if there is none."""
    name = part.get("name") if isinstance(part, dict) else None
    return name if isinstance(name, str) else ""


def arguments_text(given: Any) -> str:
    """The arguments of a call as JSON text. Some upstreams send an object instead."""
    if given is None:
        return ""
    return given if isinstance(given, str) else encode(given).decode()


def is_whole(arguments: str) -> bool:
    """True if the arguments are a complete JSON object."""
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        msgspec.json.decode(arguments)
    except (ValueError, RecursionError):
        return False
    return True


def tool_names(request: ChatRequest, target: Target) -> frozenset[str]:
    """The names of the tools that the model may call. A name that continues another one is not final, and left out."""
    tools = [*_list(request.get("tools")), *target.tools]
    parts = [tool.get("function") or tool.get("custom") for tool in tools if isinstance(tool, dict)]
    names = {name for part in parts if (name := name_of(part))}
    return frozenset(name for name in names if not any(other.startswith(name) for other in names - {name}))


def _list(given: JSONValue) -> list[Any]:
    return given if isinstance(given, list) else []
