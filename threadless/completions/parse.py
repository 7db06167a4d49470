"""From the bytes of a request body to a `ChatRequest`, or to an `InvalidRequest` that names the field.

Three readers, each for what the others miss: UTF-8 and `json` for the text (duplicate keys, NaN, depth, NUL, lone
surrogates, anywhere), msgspec for the types, msgspec again for the untouched bytes of each top-level field. What is
sent on is rebuilt from those, so that no second reader downstream can see another model than the one checked here.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import msgspec
from msgspec import UNSET

from threadless.completions.fields import PART_FIELDS, AssistantMessage, Fields, Message, Part, Tool
from threadless.conf import conf
from threadless.exceptions import InvalidRequest
from threadless.types import ChatRequest

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""Also one without an end, so that no search starts twice over the same text."""
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_OTHER_BYTES: Final = bytes(set(range(256)) - set(b"{}[]"))
_SUSPICIOUS_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOOL_CHOICES: Final = frozenset({"none", "auto", "required"})
_RESPONSE_FORMATS: Final = frozenset({"text", "json_object", "json_schema"})


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A valid body: its fields as bytes for the backend and as typed values for the rules."""

    raw: dict[str, msgspec.Raw]
    typed: Fields

    @property
    def is_stream(self) -> bool:
        return bool(self.typed.stream)

    @property
    def wants_usage_chunk(self) -> bool:
        """True if a stream is to end with a chunk that carries the usage."""
        options = self.typed.stream_options
        return bool(options and options.include_usage)

    def request(self, request_id: str) -> ChatRequest:
        """What crosses the seam to a backend."""
        return ChatRequest(fields=self.raw, request_id=request_id)


def parse(body: bytes) -> ParsedBody:
    """The checked body; raises `InvalidRequest`."""
    _check_text(body)
    try:
        typed = _decode_fields(body)
        raw = _decode_raw(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _refuse_json()
    _check_fields(typed)
    return ParsedBody(raw, typed)


def _check_text(body: bytes) -> None:
    """Refuse what is no JSON object, or one that two readers could understand differently."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        _refuse_json("it is not valid UTF-8")
    _check_depth(body)
    try:
        value = _look_through(text)
    except (ValueError, RecursionError):
        _refuse_json()
    if value is not None:
        raise InvalidRequest("The request body must be a JSON object.", code="invalid_type")
    if _SUSPICIOUS_ESCAPE.search(text):
        _check_strings(json.loads(text))


def _unique(pairs: list[tuple[str, Any]]) -> None:
    """For `object_pairs_hook`; builds nothing, so that an object comes out as None."""
    if len(dict(pairs)) != len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        shown = name[:64] if name.isprintable() else None
        raise InvalidRequest("The request body has a duplicate key.", param=shown, code="invalid_json")


def _check_float(text: str) -> None:
    if math.isinf(float(text)):
        _refuse_json("a number is out of range")  # some readers would take it for Infinity, others for a fault


def _refuse_constant(name: str) -> NoReturn:
    _refuse_json(f"{name} is not a JSON value")


def _refuse_json(reason: str = "it is not valid JSON") -> NoReturn:
    raise InvalidRequest(f"We could not parse the body of your request: {reason}.", code="invalid_json")


_look_through: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_check_float
).decode


def _check_depth(body: bytes) -> None:
    """Refuse what is nested too deep before any parser sees it, in time that grows with the body's size alone."""
    limit = conf.max_depth
    if len(body.translate(None, _OTHER_BYTES)) <= 2 * limit:
        return  # the usual case, without a look at the structure
    brackets = _STRING.sub(b"", body).translate(_BRACKETS, _OTHER_BYTES)
    for _ in range(limit):
        # Each round takes the innermost level away.
        brackets, before = brackets.replace(b"[]", b""), len(brackets)
        if len(brackets) == before:
            break
    if b"[" in brackets:
        raise InvalidRequest(f"The request body is nested deeper than {limit} levels.", code="invalid_json")


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value or _LONE_SURROGATE.search(value):
            _refuse_json("a string holds a NUL character or half of a surrogate pair")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_strings(name)
            _check_strings(item)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)


_PROBLEM: Final = re.compile(
    r"Object missing required field `(?P<missing>[^`]+)`"
    r"|Expected `(?P<expected>[^`]+)`(?:, got `(?P<got>[^`]+)`)?"
    r"|(?P<other>.+?)"
)
_PLACE: Final = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
}


def _explain(text: str) -> InvalidRequest:
    """msgspec's message as the OpenAI API would say it."""
    place = _PLACE.search(text)
    path = place["path"].replace("[...]", "") if place else ""
    problem = _PROBLEM.fullmatch(text[: place.start()] if place else text)
    if problem is None:
        return InvalidRequest("The request is not valid.", param=path or None)
    if missing := problem["missing"]:
        # msgspec names the parent's path for a missing field.
        return _missing(f"{path}.{missing}" if path else missing)
    subject, param = f"'{path}'" if path else "the request body", path or None
    if expected := problem["expected"]:
        detail = f"expected {_in_words(expected)}" + (f", got {_in_words(got)}" if (got := problem["got"]) else "")
        return InvalidRequest(f"Invalid type for {subject}: {detail}.", param=param, code="invalid_type")
    detail = re.sub(r"`([^`]+)`", lambda match: _in_words(match[1]), problem["other"])
    return InvalidRequest(f"Invalid value for {subject}: {detail[:1].lower()}{detail[1:200]}.", param=param)


def _in_words(types: str) -> str:
    return " or ".join(_NAMES.get(name, name) for name in types.split(" | "))


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def _check_fields(fields: Fields) -> None:
    """The rules that need more than one field, or a set of values."""
    if len(fields.messages) > conf.max_messages:
        raise InvalidRequest(f"A request may have at most {conf.max_messages} messages.", param="messages")
    for index, message in enumerate(fields.messages):
        _check_message(message, f"messages[{index}]")
    for index, tool in enumerate(fields.tools or ()):
        _check_tool(tool, f"tools[{index}]")
    choice = fields.tool_choice
    if isinstance(choice, str) and choice not in _TOOL_CHOICES:
        _refuse_value("tool_choice", choice, _TOOL_CHOICES)
    response_format = fields.response_format
    if response_format is not None:
        if response_format.type not in _RESPONSE_FORMATS:
            _refuse_value("response_format.type", response_format.type, _RESPONSE_FORMATS)
        if response_format.type == "json_schema" and response_format.json_schema is None:
            raise _missing("response_format.json_schema")


def _check_message(message: Message, path: str) -> None:
    if isinstance(message, AssistantMessage):
        if message.is_empty and message.content is UNSET:
            raise _missing(f"{path}.content")
        if message.is_empty:
            raise InvalidRequest(
                f"Invalid type for '{path}.content': expected a string or an array, got null.",
                param=f"{path}.content",
                code="invalid_type",
            )
        for index, call in enumerate(message.tool_calls or ()):
            kind = call.type or "function"
            if kind in ("function", "custom") and getattr(call, kind) is None:
                raise _missing(f"{path}.tool_calls[{index}].{kind}")
    if isinstance(message.content, list):
        for index, part in enumerate(message.content):
            _check_part(part, f"{path}.content[{index}]")


def _check_part(part: Part, path: str) -> None:
    needed = PART_FIELDS.get(part.type)
    if needed is not None and getattr(part, needed) is None:
        raise _missing(f"{path}.{needed}")


def _check_tool(tool: Tool, path: str) -> None:
    if tool.type in ("function", "custom") and getattr(tool, tool.type) is None:
        raise _missing(f"{path}.{tool.type}")


def _refuse_value(param: str, value: str, allowed: frozenset[str]) -> NoReturn:
    choices = ", ".join(f"'{name}'" for name in sorted(allowed))
    raise InvalidRequest(f"Invalid value for '{param}': '{value[:64]}'. Supported values are: {choices}.", param=param)
