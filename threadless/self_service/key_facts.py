"""The answer of `GET key`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.apps import apps
from django.utils import timezone

from threadless.calls.levels import Unit, limits_of
from threadless.calls.limits import levels_of
from threadless.conf import conf
from threadless.keys.adapters import ModelKeyAdapter, get_api_key_model
from threadless.keys.models import AbstractAPIKey
from threadless.money import from_nano
from threadless.reports.queries import Period, sums
from threadless.reports.sums import Sums
from threadless.self_service.access import may_read_account, own_calls
from threadless.self_service.money import cost_of
from threadless.types import Caller, JSONObject
from threadless.usage.days import today

_LIMITS: Final[dict[Unit, str]] = {
    "requests": "requests_per_minute",
    "tokens": "tokens_per_minute",
    "calls": "concurrent_calls",
}


def facts_of(caller: Caller) -> JSONObject:
    """What the holder of a key may know about it. Times are in Unix seconds."""
    key = _row_of(caller)
    return {
        "object": "key",
        "id": caller.key_id or None,
        "label": caller.label,
        "hint": key.hint if key else None,
        "account": caller.account or None,
        "scopes": sorted(caller.scopes),
        "allowed_models": None if caller.allowed_models is None else sorted(caller.allowed_models),
        "created_at": _seconds(key.created_at) if key else None,
        "expires_at": _seconds(key.expires_at) if key else None,
        "limits": [each for unit in _LIMITS for each in _limits(caller, unit)],
        "budgets": _budgets(caller) if apps.is_installed("threadless.budgets") else [],
        "usage": _usage(caller),
        "currency": conf.currency,
        "time_zone": str(conf.billing_zone),
    }


def _row_of(caller: Caller) -> AbstractAPIKey | None:
    """The row of our key model; None for a session and for the keys of other packages."""
    adapter: Any = conf.key_adapter
    if not caller.key_id or not issubclass(adapter, ModelKeyAdapter):
        return None
    keys: Any = get_api_key_model()._default_manager
    return keys.filter(pk=caller.key_id).first()  # type: ignore[no-any-return]


def _limits(caller: Caller, unit: Unit) -> list[JSONObject]:
    """The limits of this unit. What is left is null if the cache cannot be reached."""
    levels = levels_of(caller, unit)
    return [
        {
            "type": _LIMITS[unit],
            "subject": limit.whose,
            "limit": limit.number,
            "remaining": levels[number].left if levels else None,
            "reset_seconds": round(levels[number].reset_seconds, 3) if levels and unit != "calls" else None,
        }
        for number, limit in enumerate(limits_of(caller, unit))
    ]


def _budgets(caller: Caller) -> list[JSONObject]:
    """The budgets of the key and its user, and those of the account if the caller may read its usage."""
    from threadless.budgets import api

    hidden = {api.PLATFORM.kind} if may_read_account(caller) else {api.PLATFORM.kind, api.account("").kind}
    subjects = [subject for subject in api.subjects_of(caller) if subject.kind not in hidden]
    return [_budget(each) for each in api.budgets_of(subjects)]


def _budget(state: Any) -> JSONObject:
    amount = from_nano if state.unit == "cost" else int
    return {
        "unit": state.unit,
        "period": state.period,
        "subject": state.subject.kind,
        "action": state.action,
        "limit": amount(state.limit),
        "used": amount(state.spent + state.reserved),
        "remaining": amount(state.remaining),
        "resets_at": _seconds(state.resets_at),
    }


def _usage(caller: Caller) -> JSONObject:
    """The key's own usage today, in this week (from Monday) and in this month."""
    last = today()
    firsts = {"today": last, "week": last - timedelta(days=last.weekday()), "month": last.replace(day=1)}
    found = sums(Period(min(firsts.values()), last), ["day"], own_calls(caller))
    by_day: dict[date, Sums] = {group[0]: each for group, each in found.items()}
    return {
        name: _counts(sum((each for day, each in by_day.items() if day >= first), start=Sums()))
        for name, first in firsts.items()
    }


def _counts(found: Sums) -> JSONObject:
    return {
        "calls": found.calls,
        "failed_calls": found.failed,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "cached_tokens": found.cached_tokens,
        "reasoning_tokens": found.reasoning_tokens,
        "cost": cost_of(found),
        "calls_of_unknown_cost": found.cost_unknown,
    }


def _seconds(moment: datetime | None) -> int | None:
    """Unix seconds. A naive time is in Django's `TIME_ZONE`, as without `USE_TZ`."""
    if moment is None:
        return None
    return int((timezone.make_aware(moment) if timezone.is_naive(moment) else moment).timestamp())
