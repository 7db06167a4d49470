"""Values that Django produces, in what a host adds to a request and in what its function returns."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from tests.support.bodies import chunk, completion
from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected
from tests.wire.cases.usual import usual

_MOMENT = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
_ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


class Effort(TextChoices):
    """The choices of a field."""

    LOW = "low", "Low"


def _target(name: str, source: str, *, sent: dict[str, Any], **target: Any) -> Case:
    return usual("host value", name, source, target=target, expected={"sent": sent})


def _instructed(name: str, source: str, text: Any, content: str) -> Case:
    messages = [{"role": "system", "content": content}, {"role": "user", "content": "Hi"}]
    return _target(name, source, instructions=text, sent={"messages": messages})


def _returned(name: str, source: str, make: Callable[[], Any], **expected: Any) -> Case:
    """What a function of the host returns. There is no upstream, so the tokens are estimated."""
    case = Expected(**{"text": "Hello", "reason": "stop", "source": "estimated"} | expected)
    return Case(kind="host value", name=name, source=source, answer=b"", stream=b"", returned=make, expected=case)


def _safe_answer() -> dict[str, Any]:
    return completion(mark_safe("Hello"), id=mark_safe("chatcmpl-1"), usage=None, score=Decimal("0.50"), at=_MOMENT)


def _safe_chunks() -> Any:
    return iter([chunk({"content": mark_safe("Hel")}), chunk({"content": gettext_lazy("lo")}, mark_safe("stop"))])


HOST_VALUES = [
    _instructed("SafeString in the instructions", at.DJANGO_SAFE, mark_safe("Be <b>brief</b>."), "Be <b>brief</b>."),
    _instructed("lazy text in the instructions", at.DJANGO_LAZY, gettext_lazy("Delete"), "Delete"),
    _instructed("lazy object in the instructions", at.DJANGO_LAZY_OBJECT, SimpleLazyObject(lambda: "Be."), "Be."),
    _target("SafeString as the model", at.DJANGO_SAFE, model=mark_safe("m-1"), sent={"model": "m-1"}),
    _target("Decimal", at.DJANGO_FIELDS, parameters={"temperature": Decimal("0.70")}, sent={"temperature": 0.7}),
    _target("choice", at.DJANGO_CHOICES, parameters={"reasoning_effort": Effort.LOW}, sent={"reasoning_effort": "low"}),
    _target("UUID", at.DJANGO_FIELDS, parameters={"user": _ID}, sent={"user": str(_ID)}),
    _target(
        "date and time",
        at.DJANGO_FIELDS,
        parameters={"metadata": {"day": _MOMENT.date(), "at": _MOMENT}},
        sent={"metadata": {"day": "2026-05-04", "at": "2026-05-04T03:02:01Z"}},
    ),
    _target(
        "mapping and tuple",
        at.DJANGO_FIELDS,
        parameters={"logit_bias": MappingProxyType({"1": 2}), "stop": ("a", mark_safe("b"))},
        sent={"logit_bias": {"1": 2}, "stop": ["a", "b"]},
    ),
    _target(
        "lazy text in a tool",
        at.DJANGO_LAZY,
        tools=[{"type": "function", "function": {"name": mark_safe("f"), "description": gettext_lazy("Delete")}}],
        sent={"tools": [{"type": "function", "function": {"name": "f", "description": "Delete"}}]},
    ),
    _returned("SafeString returned", at.DJANGO_SAFE, lambda: mark_safe("Hello")),
    _returned("lazy text returned", at.DJANGO_LAZY, lambda: gettext_lazy("Delete"), text="Delete"),
    _returned("SafeStrings in a generator", at.DJANGO_SAFE, lambda: iter([mark_safe("Hel"), mark_safe("lo")])),
    _returned(
        "answer of Django's values",
        at.DJANGO_FIELDS,
        _safe_answer,
        shown=('"score":0.5', '"at":"2026-05-04T03:02:01Z"', '"id":"chatcmpl-1"'),
    ),
    _returned("chunks of Django's values", at.DJANGO_LAZY, _safe_chunks),
]
