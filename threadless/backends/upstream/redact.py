"""Removes what clients must not see from an upstream's text: key, address, private model name, added instructions.

Output of the model itself is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes, urlsplit

import msgspec

_REDACTED: Final = "[redacted]"
_MIN_SECRET: Final = 8
"""A shorter value of a configured header is not a secret, and could be a part of any word."""
_RUN: Final = 24
"""A text that repeats this many consecutive characters of an added text is replaced."""
_LOGGED_RUN: Final = 12
"""The same for a text that goes to a log, and for what the client has said."""
_MAX_LOGGED: Final = 300
_MAX_COMPARED: Final = 262_144
"""In a longer conversation, in bytes, nobody looks for the text. It is left out."""
_ESCAPES: Final = re.compile(r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|[bfnrt])")
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ADDRESS: Final = re.compile(r"https?://[^\s\"<>]{1,2000}")
_IGNORED: Final = str.maketrans("", "", "\\\"'`")

_MAX_NAMES: Final = 1000
PROMPT_ECHO_FIELDS: Final = frozenset(
    {"prompt", "prompt_text", "prompt_logprobs", "prompt_token_ids", "prompt_fragments", "raw_prompt", "raw_output"}
    | {"input_token_ids", "prefill", "__verbose"}
)
"""Fields in which vLLM, SGLang, TGI, llama.cpp, Together and Fireworks repeat the prompt with added instructions."""


class Redactor:
    """Removes one upstream's key, URL, host and header values from texts."""

    def __init__(self, base_url: str, api_key: str, others: Iterable[str] = ()) -> None:
        parts = urlsplit(base_url)
        secrets = {api_key, base_url.rstrip("/"), parts.netloc, parts.hostname or ""}
        secrets |= {other for other in others if len(other) >= _MIN_SECRET}
        # Longest first, so that a URL is replaced as a whole before its host is.
        ordered = sorted((secret for secret in secrets if len(secret) > 1), key=len, reverse=True)
        self._lowered = [secret.lower() for secret in ordered]
        pattern = "|".join("".join(map(_spellings, secret)) for secret in ordered)
        self._pattern = re.compile(pattern or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """The text with every occurrence replaced, in any letter case, URL-encoded in part, as a whole or twice."""
        return self._pattern.sub(_REDACTED, text) if self._may_contain(text) else text

    def _may_contain(self, text: str) -> bool:
        """False for most texts. The pattern is slow, and is needed only for other letters and for `%`."""
        if "%" in text or not text.isascii():
            return True
        lowered = text.lower()
        for secret in self._lowered:  # noqa: SIM110  (a generator would take three times as long)
            if secret in lowered:
                return True
        return False


class CallRedactor:
    """Also removes what the target of one call adds: the private model name, instructions and tools.

    `added` is the JSON that was sent before the client's messages and tools. `said` is the JSON of the client's
    messages, which may be in an error that goes back to the client, but not in a log.
    """

    def __init__(
        self,
        redact: Redactor,
        *,
        model: str,
        public_model: str,
        added: Iterable[bytes],
        said: bytes,
        allow_prompt_echo: bool,
    ) -> None:
        self._redact = redact
        self._model = model
        self._public_model = public_model
        self._added = added
        self._said = bytes(said) if len(said) <= _MAX_COMPARED else None  # a copy: it may be a part of a large body
        self._allow_prompt_echo = allow_prompt_echo
        self._field_names: dict[str, str] = {}
        """Names of unknown fields, which are the same in each chunk, and how they are shown."""

    def text(self, value: str) -> str | None:
        """The text without secrets; None if it repeats 24 or more consecutive characters of an added text."""
        if len(value) >= _RUN and any(_share_run(_normalize(value), added) for added in self._added_texts):
            return None
        return self._without_names(value)

    def logged(self, value: Any) -> str:
        """The text as one line for a log: without secrets, and empty if it may repeat what the client has said."""
        text = self.text(str(value)) or ""
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_MAX_LOGGED]
        return "" if self._repeats_client(line) else line

    def _repeats_client(self, line: str) -> bool:
        text = _normalize(line)
        runs = {text[start : start + _LOGGED_RUN] for start in range(len(text) - _LOGGED_RUN + 1)} or {text}
        if self._said is None:
            return bool(text)
        if not text or not self._said:
            return False
        said = "\n".join(map(_normalize, _find_strings(msgspec.json.decode(self._said))))
        return any(run in said for run in runs)

    def name(self, value: Any) -> Any:
        """Like `value`, for an ID. A single word repeats no added text, so only secrets and the model are replaced."""
        if isinstance(value, str) and _WORD.fullmatch(value):
            return self._without_names(value)
        return self.value(value)

    def model_name(self, value: str) -> str:
        """The upstream's name of a model, for the operator: without secrets, but with the private name."""
        repeats = len(value) >= _RUN and not _WORD.fullmatch(value) and self.text(value) is None
        return _REDACTED if repeats else self._redact(value)

    def names(self, fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Those of the fields that `name` changes, with their new values."""
        values = [value for name in names if (value := fields.get(name)) is not None]
        if set(map(type, values)) <= {str} and all(map(_WORD.fullmatch, values)):
            text = " ".join(values)
            if self._without_names(text) == text:  # almost always
                return {}
        redacted = {name: self.name(fields[name]) for name in names if name in fields}
        return {name: value for name, value in redacted.items() if value != fields[name]}

    def fields(self, fields: dict[str, Any], known: Collection[str]) -> None:
        """Redact the other fields in place, with their names, and remove those that repeat the prompt."""
        for name in [name for name in fields if name not in known]:
            if name in PROMPT_ECHO_FIELDS and not self._allow_prompt_echo:
                del fields[name]
                continue
            if isinstance(value := fields[name], (str, list, dict)) and name not in PROMPT_ECHO_FIELDS:
                fields[name] = self.value(value)
            if (clean_name := self._field_name(name)) != name:
                fields[clean_name] = fields.pop(name)

    def _field_name(self, name: str) -> str:
        found = self._field_names.get(name)
        if found is None:
            found = str(self.value(name))
            if len(self._field_names) < _MAX_NAMES:
                self._field_names[name] = found
        return found

    def value(self, value: Any) -> Any:
        """The JSON value with every text redacted, and without fields that repeat the prompt.

        The address of a cited page may be in the instructions too.
        """
        if isinstance(value, str):
            if _ADDRESS.fullmatch(value):
                return self._without_names(value)
            text = self.text(value)
            return _REDACTED if text is None else text
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            self.fields(value, ())
        return value

    @cached_property
    def _added_texts(self) -> list[str]:
        """All added strings, normalized."""
        texts = (text for raw in self._added for text in _find_strings(msgspec.json.decode(raw)))
        return [normalized for text in texts if len(normalized := _normalize(text)) >= _RUN]

    def _without_names(self, text: str) -> str:
        redacted = self._redact(text)
        if not self._model or self._model == self._public_model:
            return redacted
        return _model_pattern(self._model).sub(lambda _: self._public_model, redacted)


@lru_cache(1024)
def _model_pattern(name: str) -> re.Pattern[str]:
    spellings = sorted({name, quote(name, safe=""), name.replace("/", "\\/")}, key=len, reverse=True)
    pattern = "|".join(map(re.escape, spellings))
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", re.IGNORECASE)


def _spellings(character: str) -> str:
    """A pattern for one character as it is and URL-encoded."""
    forms = {quote_from_bytes(form.encode(), safe="") for form in (character, character.lower(), character.upper())}
    encoded = {form if form.startswith("%") else f"%{ord(form):02X}" for form in forms}
    return f"(?:{'|'.join([re.escape(character), *sorted(form.replace('%', '%(?:25)*') for form in encoded)])})"


def _normalize(text: str) -> str:
    """The text without what `repr` or JSON encoding changes: whitespace, quotes, backslashes, escapes, case."""
    text = _ESCAPES.sub(lambda found: chr(int(found[1], 16)) if found[1] else "", text)
    return "".join(text.split()).translate(_IGNORED).casefold()


def _share_run(first: str, second: str) -> bool:
    """True if the texts share `_RUN` consecutive characters. Takes linear time."""
    short, long = sorted((first, second), key=len)
    runs = {short[i : i + _RUN] for i in range(len(short) - _RUN + 1)}
    return any(long[i : i + _RUN] in runs for i in range(len(long) - _RUN + 1))


def _find_strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _find_strings(item)
