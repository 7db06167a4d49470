"""Budgets on the report, where `threadless.budgets` is installed."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps

from threadless.reports.page.formats import cost_text, count_text
from threadless.reports.page.selection import Selection

_COLUMNS: Final = {"key": "key_id", "user": "user_id", "account": "account"}
_MOST: Final = 20


def budget_lines(selection: Selection) -> list[dict[str, Any]]:
    """The budgets that are used most, or those of the filters. Empty without the app."""
    if not apps.is_installed("threadless.budgets"):
        return []
    from threadless.budgets.api import list_budgets  # an optional app

    chosen = [state for state in list_budgets() if _matches(state, selection)]
    chosen.sort(key=lambda state: -_share(state))
    return [_line(state) for state in chosen[:_MOST]]


def _matches(state: Any, selection: Selection) -> bool:
    """With a filter by key, user or account: only their budgets."""
    wanted = {kind: str(selection.filters[column]) for kind, column in _COLUMNS.items() if column in selection.filters}
    return not wanted or wanted.get(state.subject.kind) == state.subject.id


def _line(state: Any) -> dict[str, Any]:
    write = cost_text if state.unit == "cost" else count_text
    return {
        "subject": f"{state.subject.kind} {state.subject.id}".strip(),
        "unit": state.unit,
        "period": state.period,
        "used": write(state.spent + state.reserved),
        "limit": write(state.limit),
        "percent": min(round(100 * _share(state)), 100),
        "refused": count_text(state.refused),
        "resets_at": state.resets_at,
    }


def _share(state: Any) -> float:
    return (state.spent + state.reserved) / state.limit if state.limit else 1.0
