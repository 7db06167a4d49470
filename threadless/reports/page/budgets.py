"""Budgets on the report, where `threadless.budgets` is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.apps import apps
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from threadless.reports.page.formats import cost_text, count_text
from threadless.reports.page.report import Report
from threadless.reports.page.selection import Selection, value_of

_COLUMNS: Final = {"key": "key_id", "user": "user_id", "account": "account"}
_MOST: Final = 20


def budget_lines(report: Report, request: HttpRequest, site: str) -> list[dict[str, Any]]:
    """The budgets that are used most, or those of the filters. Empty without the app. `site` names the admin site."""
    if not apps.is_installed("threadless.budgets"):
        return []
    from threadless.budgets.api import list_budgets  # an optional app

    chosen = [state for state in list_budgets() if _matches(state, report.selection)]
    chosen = sorted(chosen, key=lambda state: -_share(state))[:_MOST]
    names = _names(chosen, report)
    return [
        _line(state) | _subject(state, report.selection, names) | {"budget_url": _url(state, request, site)}
        for state in chosen
    ]


def _matches(state: Any, selection: Selection) -> bool:
    """With a filter by key, user or account: only their budgets."""
    wanted = {kind: str(selection.filters[column]) for kind, column in _COLUMNS.items() if column in selection.filters}
    return not wanted or wanted.get(state.subject.kind) == state.subject.id


def _names(states: Iterable[Any], report: Report) -> dict[tuple[str, str], str]:
    """The name of each key, user and account, by kind and ID."""
    found: dict[tuple[str, str], str] = {}
    for kind, column in _COLUMNS.items():
        texts = {state.subject.id for state in states if state.subject.kind == kind}
        values = {text: value for text in texts if (value := _value(column, text)) is not None}
        names = report.names(column, list(values.values()))
        found |= {(kind, text): names[value] for text, value in values.items()}
    return found


def _value(column: str, text: str) -> Any:
    """None for a user who cannot exist."""
    try:
        return value_of(column, text)
    except ValueError:
        return None


def _subject(state: Any, selection: Selection, names: dict[tuple[str, str], str]) -> dict[str, str]:
    """Whose budget it is, with the report about their calls."""
    kind, text = state.subject
    if (kind, text) not in names:
        return {"subject": f"{_label('SubjectKind', kind)} {text}".strip(), "link": ""}
    return {
        "subject": f"{_label('SubjectKind', kind)} {names[kind, text]}",
        "link": selection.narrowed(_COLUMNS[kind], text),
    }


def _line(state: Any) -> dict[str, Any]:
    write = cost_text if state.unit == "cost" else count_text
    return {
        "unit": _label("Unit", state.unit),
        "period": _label("Period", state.period),
        "used": write(state.spent + state.reserved),
        "limit": write(state.limit),
        "percent": min(round(100 * _share(state)), 100),
        "refused": count_text(state.refused),
        "resets_at": state.resets_at,
    }


def _label(choices: str, value: str) -> str:
    """The value as people know it."""
    from threadless.budgets import models  # an optional app

    return str(getattr(models, choices)(value).label)


def _url(state: Any, request: HttpRequest, site: str) -> str:
    """The page of the budget; empty if the reader may not see it."""
    if not request.user.has_perm("threadless_budgets.view_budget"):
        return ""
    try:
        return reverse(f"{site}:threadless_budgets_budget_change", args=[state.id])
    except NoReverseMatch:
        return ""


def _share(state: Any) -> float:
    return (state.spent + state.reserved) / state.limit if state.limit else 1.0
