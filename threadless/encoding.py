"""Encodes the values of the host as JSON: all that Django itself produces, not only the plain types of Python."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from django.utils.functional import Promise


def _plain(value: Any) -> Any:
    """The plain form of a value that msgspec does not know. Raises `TypeError` if there is none.

    Dates, times and UUIDs need no help: they become the strings of ISO 8601 and RFC 4122.
    """
    if isinstance(value, str | Promise):  # `SafeString`, or a lazy translation
        return str.__str__(str(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return list(value)
    raise TypeError(f"A value of type '{type(value).__name__}' cannot be sent as JSON.")


encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
"""The JSON bytes of a value; raises `TypeError` if JSON cannot express it.

A string of a subclass of `str` and a lazy text are strings, a `Decimal` is a number, a date is an ISO 8601 string. The
hook runs only for types that msgspec does not know, so plain values cost nothing more.
"""
