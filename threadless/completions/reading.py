"""Decides what a JSON value from an upstream is: an answer or a chunk, an error in any form, or nothing for us.

Plain answers, streams, and the bodies of unsuccessful HTTP answers are read by the same rules.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from threadless.completions.usage import usage_in
from threadless.types import JSONObject, JSONValue

_MESSAGES: Final = (
    *("message", "msg", "error_message", "errorMessage", "error_msg", "errmsg", "Message", "detail", "error", "errors"),
    *(
        "err",
        "description",
        "faultstring",
        "fault",
        "status_msg",
        "base_resp",
        "reason",
        "title",
        "text",
        "raw",
        "header",
        "response",
    ),
)
"""Names under which upstreams send the words of an error, most specific first."""
_CODES: Final = ("code", "error_code", "errorCode", "errcode", "status_code", "statusCode", "__type")
_MARKS: Final = ("errors", "error_code", "errorCode", "error_message", "errorMessage", "error_msg", "detail", "fault")
"""Names that only errors have, if there are no choices. FastAPI, FastChat, Cloudflare, Baidu, Apigee and others."""
_NO_FAULT: Final = frozenset({0, 200, "0", "200", "ok", "success"})
"""Codes of success."""
_MAX_DEPTH: Final = 6
_MAX_ITEMS: Final = 5
_NO_WORDS: Final = re.compile(r"\s*[<{\[]|[^a-zA-Z]*\Z")
"""HTML, broken JSON, or nothing."""
_MAX_PLAIN_TEXT: Final = 2000


def is_chunk(body: JSONObject) -> bool:
    """True for a chunk, with or without choices. Other objects, such as `{"type": "ping"}`, are nothing for us."""
    return "choices" in body or str(body.get("object")).startswith("chat.completion") or usage_in(body) is not None


def error_in(body: JSONObject) -> JSONObject | None:
    """The error in an answer or chunk with a successful HTTP status; None if it is no error.

    An `error` without words or codes is no error. Beside choices, only `error` counts.
    """
    error, choices = body.get("error"), _choices_in(body)
    if error and _says_something(error):
        return error_of({"error": error} if choices else body)
    if choices:
        return _error_in_choices(choices)
    return error_of(body) if _is_error(body) else None


def error_of(value: JSONValue) -> JSONObject:
    """`message`, `type`, `param`, `code` and further fields of an error in any known container.

    Empty if the value says nothing. `param` is a path, also where it was a FastAPI `loc`.
    """
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else {"errors": value}
    if not isinstance(value, dict):
        return {"message": value} if isinstance(value, str) else {}
    inner = value.get("error")
    details = dict(inner) if isinstance(inner, dict) else dict(value)
    details["message"] = _words(value) or None
    for name in ("type", "param", "status"):
        details[name] = details.get(name) or value.get(name)
    details["code"] = _first(details, _CODES) or _first(value, _CODES)
    details["param"] = details["param"] or _path_in(value)
    return {name: item for name, item in details.items() if item is not None and name not in ("error", "choices")}


def text_error(body: bytes) -> JSONObject:
    """The error of a body that is not JSON: its text if it is short, plain and readable."""
    text = body[: _MAX_PLAIN_TEXT + 1].decode(errors="replace").strip()
    is_plain = len(text) <= _MAX_PLAIN_TEXT and "\ufffd" not in text and not _NO_WORDS.match(text)
    return {"message": text} if is_plain else {}


def _is_error(body: JSONObject) -> bool:
    kind, status, message = body.get("type"), body.get("status"), _first(body, ("message", "msg", "title"))
    return bool(
        body.get("object") == "error"
        or (isinstance(kind, str) and kind.lower().endswith(("error", "exception", "failed")))
        or any(_says_something(body.get(name)) for name in _MARKS)
        or body.get("success") is False
        or (isinstance(status, str) and status.lower() in ("error", "fail", "failed", "failure"))
        or (isinstance(status, int) and status >= 400)
        or _is_fault(_first(body.get("base_resp"), ("status_code",)))
        or isinstance(message, str)
        or (message and _is_fault(_first(body, _CODES)))
    )


def _error_in_choices(choices: list[JSONObject]) -> JSONObject | None:
    """OpenRouter sends the failure of a provider in `choices[0].error`."""
    for choice in choices:
        if (error := choice.get("error")) and _says_something(error):
            return error_of({"error": error})
    return None


def _choices_in(body: JSONObject) -> list[JSONObject]:
    choices = body.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def _is_fault(code: JSONValue) -> bool:
    """True for a code that is not one of success."""
    return code is not None and code != "" and not (isinstance(code, str | int) and _lower(code) in _NO_FAULT)


def _lower(code: str | int) -> str | int:
    return code.lower() if isinstance(code, str) else code


def _says_something(error: JSONValue) -> bool:
    """False for null, and for an object in which every field is empty or reports success."""
    if isinstance(error, dict):
        if (code := error.get("code")) not in (None, ""):
            return _is_fault(code)
        return any(_says_something(value) for value in error.values())
    if isinstance(error, list):
        return any(_says_something(item) for item in error)
    return bool(error) and _is_fault(error)


def _first(value: JSONValue, names: tuple[str, ...]) -> JSONValue:
    if not isinstance(value, dict):
        return None
    return next((found for name in names if (found := value.get(name)) not in (None, "", 0)), None)


def _words(value: JSONValue, depth: int = _MAX_DEPTH) -> str:
    """The words of an error in strings, objects and lists at any place."""
    if not depth:
        return ""
    if isinstance(value, str):
        return _unpacked(value, depth) or value.strip()
    if isinstance(value, list):
        texts = (_words(item, depth - 1) for item in value[:_MAX_ITEMS])
        return "; ".join(text for text in texts if text)
    if not isinstance(value, dict):
        return ""
    text = next((text for name in _MESSAGES if (text := _words(value.get(name), depth - 1))), "")
    path = _path_of(value.get("loc"))
    text = f"{path}: {text}" if path and text else text
    return _with_provider_words(text, value.get("metadata"), depth)


def _unpacked(text: str, depth: int) -> str:
    """The words in a string that is itself a JSON object, as proxies send it."""
    if not text.lstrip().startswith("{"):
        return ""
    try:
        return _words(msgspec.json.decode(text), depth - 1)
    except (ValueError, RecursionError):
        return ""


def _with_provider_words(text: str, metadata: JSONValue, depth: int) -> str:
    """OpenRouter says "Provider returned error"; the provider's own words are in `metadata.raw`."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    words = _words(raw, depth - 1) if raw else ""
    return f"{text}: {words}" if words and text else text or words


def _path_in(value: JSONObject) -> str | None:
    """The path of the first FastAPI item."""
    for holder in (value, value.get("message"), value.get("error")):
        for name in ("detail", "details", "errors"):
            items = holder.get(name) if isinstance(holder, dict) else None
            first = items[0] if isinstance(items, list) and items else None
            if isinstance(first, dict) and (path := _path_of(first.get("loc"))):
                return path
    return None


def _path_of(loc: JSONValue) -> str:
    """`["body", "messages", 0, "role"]` → `messages[0].role`."""
    if not isinstance(loc, list):
        return ""
    steps = [step for step in loc if isinstance(step, str | int)]
    steps = steps[1:] if steps[:1] == ["body"] else steps
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
