"""The page of one call: what it was, who made it, what it used. Facts that the call does not have are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from threadless.admin.moments import moment
from threadless.admin.usage_columns import cost_of, grouped, key_name, seconds, username_of
from threadless.keys.adapters import get_api_key_model
from threadless.usage.models import UsageRecord

_SECTIONS: Final = (
    (_("Call"), ("request_id", "client_request_id", "operation", "is_stream", "http_status", "error_code",
                 "finish_reason", "tool_calls")),
    (_("Caller"), ("key_label", "key_id", "user", "account")),
    (_("Target"), ("model", "target_kind", "target_model", "upstream_model", "backend")),
    (_("Tokens"), ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "usage_source",
                   "cost_nano")),
    (_("Times"), ("opened_at", "settled_at", "deadline", "first_token_ms", "duration_ms")),
    (_("Internals"), ("worker", "hook_state")),
)  # fmt: skip


class Fact(NamedTuple):
    """One line of the page."""

    label: Any
    value: Any
    help: Any


def sections_of(record: UsageRecord, request: HttpRequest, site: Any) -> list[tuple[Any, list[Fact]]]:
    """Headings and facts."""
    found = ((heading, list(_facts(record, names, request, site))) for heading, names in _SECTIONS)
    return [(heading, facts) for heading, facts in found if facts]


def _facts(record: UsageRecord, names: tuple[str, ...], request: HttpRequest, site: Any) -> Iterator[Fact]:
    for name in names:
        if not _has(record, name):
            continue
        field: Any = UsageRecord._meta.get_field(name)
        label = _LABELS.get(name, field.verbose_name)
        yield Fact(label, _value(record, name, request, site), field.help_text if name not in _SELF_EVIDENT else "")


_LABELS: Final = {
    "request_id": _("request ID"),
    "client_request_id": _("client's request ID"),
    "key_id": _("key ID"),
    "target_model": _("upstream's name"),
    "upstream_model": _("upstream ran"),
    "is_stream": _("streamed"),
    "first_token_ms": _("time to first token"),
    "duration_ms": _("duration"),
}
_KINDS: Final = {"model": _("model"), "agent": _("agent")}
_WRITERS: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("opened_at", "settled_at", "deadline"), moment),
    **dict.fromkeys(("first_token_ms", "duration_ms"), seconds),
    "cost_nano": cost_of,
    "http_status": str,
    "is_stream": lambda value: _("yes") if value else _("no"),
    "target_kind": lambda value: _KINDS.get(value, value),
}
"""How the page writes a value. Other numbers have separators."""
_SELF_EVIDENT: Final = ("cost_nano",)


def _has(record: UsageRecord, name: str) -> bool:
    """Whether there is something to show. The deadline matters only to a call that is open."""
    if name == "deadline":
        return record.state == UsageRecord.State.OPEN
    if name in ("key_label", "user"):
        return True
    return getattr(record, name) not in (None, "")


def _value(record: UsageRecord, name: str, request: HttpRequest, site: Any) -> Any:
    value = getattr(record, record._meta.get_field(name).attname)  # type: ignore[union-attr]
    if name == "key_label":
        return _linked(key_name(record), get_api_key_model(), record.key_id, request, site)
    if name == "user":
        return _linked(username_of(record), get_user_model(), value, request, site)
    if name == "usage_source":
        return record.get_usage_source_display()
    write = _WRITERS.get(name, grouped if isinstance(value, int) else str)
    return write(value)


def _linked(text: str, model: Any, pk: Any, request: HttpRequest, site: Any) -> Any:
    """The text, as a link if the object exists and the reader may see its page."""
    admin = site.get_model_admin(model) if site.is_registered(model) else None
    if admin is None or pk in (None, ""):
        return text
    try:
        target = admin.get_queryset(request).filter(pk=pk).first()
    except (ValueError, ValidationError):  # a key of another table
        return text
    if target is None or not admin.has_view_permission(request, target):
        return text
    options = model._meta
    try:
        url = reverse(f"{site.name}:{options.app_label}_{options.model_name}_change", args=[pk])
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', url, text)
