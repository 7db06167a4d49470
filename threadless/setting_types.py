"""The types of value that a setting can have. Each describes, checks and converts a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from django.utils.functional import Promise
from django.utils.module_loading import import_string

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Requirement = Callable[[Any], str]
"""Takes an imported object. Returns what is wrong with it, such as "is not callable", or an empty string."""

NAME: Final = re.compile(r"[^\s,]+")
DOTTED_PATH: Final = re.compile(r"\w+(\.\w+)*")
_MAX_SECONDS: Final = 86_400


@dataclass(frozen=True)
class SettingType(Generic[T_co]):
    """One type of value. The functions below build all of them."""

    description: str
    """Completes the sentence "The value must be …"."""
    find_fault: Callable[[Any], str]
    """Returns the end of "must be …, but …" for an invalid value, otherwise an empty string. Shows no content of a
    container, because it may be a secret."""
    convert: Callable[[Any], T_co]
    """Turns a valid value from the host's settings into the value that our code reads."""
    requirement: Requirement | None = None
    """What each imported object must fulfill. None: nothing is imported."""


def describe(value: Any) -> str:
    """A number, a short text or None as it is; the type of anything else, which may hold a secret."""
    if value is None or isinstance(value, int | float | str):
        return f"{value!r:.80}"
    return f"a value of type '{type(value).__name__}'"


def _simple(description: str, accepts: Callable[[Any], bool], convert: Callable[[Any], T]) -> SettingType[T]:
    return SettingType(description, lambda value: "" if accepts(value) else f"not {describe(value)}", convert)


def _is_number(value: Any, types: type | tuple[type, ...]) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)


def whole(minimum: int, maximum: float = inf) -> SettingType[int]:
    """An integer in this range, both ends included."""
    description = f"a whole number from {minimum}" + ("" if maximum == inf else f" to {maximum}")
    return _simple(description, lambda value: _is_number(value, int) and minimum <= value <= maximum, int)


def optional(inner: SettingType[T]) -> SettingType[T | None]:
    """None, or a value of another type."""
    requirement = inner.requirement
    return SettingType(
        f"None, or {inner.description}",
        lambda value: "" if value is None else inner.find_fault(value),
        lambda value: None if value is None else inner.convert(value),
        requirement and (lambda found: "" if found is None else requirement(found)),
    )


def text(description: str, pattern: str = r"(?s).*") -> SettingType[str]:
    """A string that matches a pattern as a whole."""
    return _simple(description, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None, str)


def choice(*values: str) -> SettingType[str]:
    """One of these strings."""
    return _simple(" or ".join(map(repr, values)), lambda value: isinstance(value, str) and value in values, str)


def boolean() -> SettingType[bool]:
    """True or False."""
    return _simple("True or False", lambda value: isinstance(value, bool), bool)


def time_zone() -> SettingType[ZoneInfo]:
    """The name of a time zone of the IANA database."""
    names = cache(available_timezones)
    return _simple(
        "the name of a time zone, such as 'Europe/Vienna'",
        lambda value: isinstance(value, str) and value in names(),
        ZoneInfo,
    )


SECONDS: Final[SettingType[float]] = _simple(
    "seconds above 0, at most a day", lambda value: _is_number(value, (int, float)) and 0 < value <= _MAX_SECONDS, float
)
SECONDS_OR_ZERO: Final[SettingType[float]] = _simple(
    "seconds from 0, at most a day",
    lambda value: _is_number(value, (int, float)) and 0 <= value <= _MAX_SECONDS,
    float,
)

# Objects that are imported

_import = cache(import_string)


def is_dotted_path(value: Any) -> bool:
    """Whether `import_string` can be called with this value."""
    return isinstance(value, str) and DOTTED_PATH.fullmatch(value) is not None


def imported(kind: str, requirement: Requirement) -> SettingType[Any]:
    """An object that fulfills a requirement, or its dotted path. `kind` is a noun with its article, as in "a class"."""
    dotted_path = _simple(
        f"{kind} or its dotted path",
        lambda value: is_dotted_path(value) or (callable(value) and not isinstance(value, str)),
        lambda value: _import(value) if isinstance(value, str) else value,
    )
    return replace(dotted_path, requirement=requirement)


def subclass_of(base_path: str) -> SettingType[type[Any]]:
    """A subclass of the class with this dotted path. A path, because the base class is in a layer above this module."""

    def requirement(found: Any) -> str:
        base = import_string(base_path)
        return "" if isinstance(found, type) and issubclass(found, base) else f"is not a subclass of {base.__name__}"

    return imported("a class", requirement)


def class_with(method: str) -> SettingType[type[Any]]:
    """A class with this method. It may extend any class."""

    def requirement(found: Any) -> str:
        # DRF's `A & B` is not a class. It is called to create an instance, like a class.
        has_method = hasattr(found, method) if isinstance(found, type) else callable(found)
        return "" if has_method else f"has no {method}() method"

    return imported("a class", requirement)


def function() -> SettingType[Any]:
    """A callable object."""
    return imported("a function", lambda found: "" if callable(found) else "is not callable")


# Containers


def list_of(
    inner: SettingType[T], description: str = "a list of classes or their dotted paths"
) -> SettingType[list[T]]:
    """A list or tuple of values of another type."""

    def find_fault(value: Any) -> str:
        if not isinstance(value, list | tuple):
            return f"not a value of type '{type(value).__name__}'"
        wrong = [index for index, each in enumerate(value) if inner.find_fault(each)]
        return f"but item {wrong[0]} is invalid" if wrong else ""

    return SettingType(
        description, find_fault, lambda value: [inner.convert(each) for each in value], inner.requirement
    )


def mapping(
    description: str, accepts: Callable[[Any], bool], name: re.Pattern[str] = NAME
) -> SettingType[Mapping[str, Any]]:
    """A dict of names to values that `accepts` returns true for. By default a name has no spaces and no commas."""

    def find_fault(value: Any) -> str:
        if not isinstance(value, Mapping):
            return f"not a value of type '{type(value).__name__}'"
        for key, each in value.items():
            if not isinstance(key, str) or name.fullmatch(key) is None:
                return "but one of its keys is invalid"
            if not accepts(each):
                return f"but the value of {key!r} is invalid"
        return ""

    return SettingType(description, find_fault, lambda value: value)


def is_mapping(value: Any) -> bool:
    """Whether this is a dict with strings as keys."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def is_label(value: Any) -> bool:
    """Whether this is a text for people, possibly a lazy translation."""
    return isinstance(value, str | Promise)


def is_permission(value: Any) -> bool:
    """Whether this has the form of a Django permission: `app_label.codename`."""
    return isinstance(value, str) and re.fullmatch(r"\w+\.\w+", value) is not None
