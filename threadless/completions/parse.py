"""Turns the bytes of a request body into a `ParsedBody`, or raises an `InvalidRequest` that names the field.

The body is read three times: `json_text` checks the text (duplicate keys, NaN, depth, lone surrogates), msgspec checks
the types, and msgspec again finds the unchanged bytes of each top-level field. The request to the backend is built from
those bytes, so every later parser sees the model that was checked here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn, get_args

import msgspec
from msgspec import UNSET

from threadless.completions.fields import PART_FIELDS, AssistantMessage, Fields, Message, Part, Tool, ToolCall
from threadless.completions.json_text import check_json, refuse_json
from threadless.conf import conf
from threadless.exceptions import InvalidRequest
from threadless.turns import large_turn, let_others_run
from threadless.types import ChatRequest

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_TOOL_CHOICES: Final = frozenset({"none", "auto", "required"})


class ParsedBody(NamedTuple):
    """A valid body: its fields as bytes for the backend and as typed values for the rules.

    `raw` refers to parts of the body's bytes and copies nothing. `typed` holds a second copy of every text but the
    contents of messages, which are empty in it: drop it once the rules are checked.
    """

    raw: dict[str, msgspec.Raw]
    typed: Fields

    @property
    def is_stream(self) -> bool:
        return bool(self.typed.stream)

    @property
    def wants_usage_chunk(self) -> bool:
        """True if a stream must end with a chunk that carries the usage."""
        options = self.typed.stream_options
        return bool(options and options.include_usage)

    def request(self, request_id: str) -> ChatRequest:
        """The request that a backend gets."""
        return ChatRequest(fields=self.raw, request_id=request_id)


def parse(body: bytes) -> ParsedBody:
    """Check a request body; raises `InvalidRequest`.

    Over a body of more than 1 MiB, other calls run between the passes. Under gevent, only one call at a time parses
    such a body.
    """
    with large_turn(len(body)):
        return _parse(body)


def _parse(body: bytes) -> ParsedBody:
    check_json(body)
    try:
        typed = _decode_fields(body)
        let_others_run(len(body))
        raw = _decode_raw(body)
    except msgspec.ValidationError as error:
        let_others_run(len(body))
        raise _explain(str(error), body) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        refuse_json()
    let_others_run(len(body))
    _check_fields(typed)
    for message in typed.messages:  # no later rule needs the contents, which may be images
        message.content = ""
    return ParsedBody(raw, typed)


_PROBLEM: Final = re.compile(
    r"Object missing required field `(?P<missing>[^`]+)`"
    r"|Expected `(?P<expected>[^`]+)`(?:, got `(?P<got>[^`]+)`)?"
    r"|(?P<other>.+?)"
)
_PLACE: Final = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`$")
_SHOWN: Final = 1000
_ROLE: Final = re.compile(r"messages\[\d+\]\.role Invalid value '(?P<role>.*)'", re.DOTALL)
_ROLES: Final = frozenset(str(each.__struct_config__.tag) for each in get_args(Message))
_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
}


def _explain(text: str, body: bytes) -> InvalidRequest:
    """Translate a message of msgspec about this body into one in the style of the OpenAI API."""
    if len(text) > 2 * _SHOWN:
        text = text[:_SHOWN] + text[-_SHOWN:]  # msgspec quotes the whole value and puts the path at the end
    place = _PLACE.search(text)
    path = place["path"] if place else ""
    if path in _VALUE_TYPES:
        path = _path_of_value(path, body)
    path = path.replace("[...]", "")
    problem = _PROBLEM.fullmatch(text[: place.start()] if place else text)
    if problem is None:
        return InvalidRequest("The request is not valid.", param=path or None)
    if missing := problem["missing"]:
        # For a missing field, msgspec gives the path of its parent.
        return _missing(f"{path}.{missing}" if path else missing)
    subject, param = f"'{path}'" if path else "the request body", path or None
    if expected := problem["expected"]:
        detail = f"expected {_in_words(expected)}" + (f", got {_in_words(got)}" if (got := problem["got"]) else "")
        return InvalidRequest(f"Invalid type for {subject}: {detail}.", param=param, code="invalid_type")
    if role := _ROLE.fullmatch(path + " " + problem["other"]):
        return _not_among(path, role["role"], _ROLES)
    detail = re.sub(r"`([^`]+)`", lambda match: _in_words(match[1]), problem["other"])
    detail = detail.replace(" of length >= 1", " that is not empty")
    return InvalidRequest(f"Invalid value for {subject}: {detail[:1].lower()}{detail[1:200]}.", param=param)


_VALUE_TYPES: Final = {"metadata[...]": str, "logit_bias[...]": float}
"""Paths of msgspec that do not name the key, and the type of the value."""


def _path_of_value(path: str, body: bytes) -> str:
    """The path with the key of the first value that has the wrong type."""
    name = path.removesuffix("[...]")
    values = _decode_raw(_decode_raw(body)[name])
    let_others_run(len(body))
    for key, raw in values.items():
        try:
            msgspec.json.decode(raw, type=_VALUE_TYPES[path])
        except msgspec.ValidationError:
            return f"{name}.{key[:64]}" if key.isprintable() else name
    return name


def _in_words(types: str) -> str:
    return " or ".join(_NAMES.get(name, name) for name in types.split(" | "))


def _missing(param: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def _check_fields(fields: Fields) -> None:
    """Check rules that involve several fields or a fixed set of values."""
    if len(fields.messages) > conf.max_messages:
        raise InvalidRequest(f"A request may have at most {conf.max_messages} messages.", param="messages")
    for index, message in enumerate(fields.messages):
        _check_message(message, index)
    _check_tools(fields.tools or ())
    choice = fields.tool_choice
    if isinstance(choice, str) and choice not in _TOOL_CHOICES:
        raise _not_among("tool_choice", choice, _TOOL_CHOICES)
    response_format = fields.response_format
    if response_format is not None and response_format.type == "json_schema" and response_format.json_schema is None:
        raise _missing("response_format.json_schema")
    if fields.stream_options is not None and fields.stream_options.continuous_usage_stats:
        _refuse_continuous_usage()


def _check_message(message: Message, index: int) -> None:
    if isinstance(message, AssistantMessage):
        if message.is_empty:
            _refuse_empty(message, f"messages[{index}].content")
        _check_calls(message.tool_calls or (), index)
    if isinstance(message.content, list):
        _check_parts(message.content, index)


def _check_calls(calls: Sequence[ToolCall], index: int) -> None:
    for place, call in enumerate(calls):
        kind = call.type or "function"
        if kind in ("function", "custom") and getattr(call, kind) is None:
            raise _missing(f"messages[{index}].tool_calls[{place}].{kind}")


def _check_parts(parts: Sequence[Part], index: int) -> None:
    for place, part in enumerate(parts):
        needed = PART_FIELDS.get(part.type)
        if needed is not None and getattr(part, needed) is None:
            raise _missing(f"messages[{index}].content[{place}].{needed}")


def _check_tools(tools: Sequence[Tool]) -> None:
    for index, tool in enumerate(tools):
        if tool.type in ("function", "custom") and getattr(tool, tool.type) is None:
            raise _missing(f"tools[{index}].{tool.type}")


def _refuse_empty(message: AssistantMessage, param: str) -> NoReturn:
    if message.content is UNSET:
        raise _missing(param)
    raise InvalidRequest(
        f"Invalid type for '{param}': expected a string or an array, got null.", param=param, code="invalid_type"
    )


def _refuse_continuous_usage() -> NoReturn:
    """vLLM's option for a usage in every chunk. Ours has the usage once, at the end."""
    param = "stream_options.continuous_usage_stats"
    raise InvalidRequest(f"The field '{param}' is not supported.", param=param, code="unsupported_parameter")


def _not_among(param: str, value: str, allowed: frozenset[str]) -> InvalidRequest:
    choices = ", ".join(f"'{name}'" for name in sorted(allowed))
    return InvalidRequest(f"Invalid value for '{param}': '{value[:64]}'. Supported values are: {choices}.", param=param)
