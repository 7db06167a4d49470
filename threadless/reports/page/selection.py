"""`Selection`: what an address of the report shows. Every view of the page has its own address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from threadless.reports.queries import Period

RANGES: Final[Mapping[str, Any]] = {
    "today": _("Today"),
    "7d": _("7 days"),
    "30d": _("30 days"),
    "month": pgettext_lazy("range", "This month"),
    "last-month": _("Last month"),
}
"""The ranges that have a name. Any other range is given by its first and last day."""
GROUPS: Final[Mapping[str, tuple[str, Any]]] = {
    "model": ("model", _("Model")),
    "key": ("key_id", _("Key")),
    "user": ("user_id", _("User")),
    "account": ("account", _("Account")),
    "error": ("error_code", _("Error")),
    "operation": ("operation", _("API")),
    "day": ("day", _("Day")),
}
"""What the table is grouped by: the column, and its name."""
FILTERS: Final[Mapping[str, Any]] = {
    "account": _("account"),
    "key_id": _("key"),
    "user_id": _("user"),
    "model": _("model"),
    "operation": _("API"),
    "state": _("state"),
    "error_code": _("error code"),
}
"""The columns that an address can filter by, and their names."""
MEASURES: Final[Mapping[str, Any]] = {"calls": _("Calls"), "tokens": _("Tokens"), "cost": _("Cost")}
"""What the chart shows."""
SORTS: Final = ("name", "calls", "prompt", "completion", "cached", "cost", "failed", "p50", "p95")
"""The columns of the table that it can be sorted by. With a minus sign: highest first."""
MAX_DAYS: Final = 366


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows."""

    range: str = "30d"
    """A name of `RANGES`; empty for a range that is given by its days."""
    period: Period
    by: str = "model"
    measure: str = "calls"
    sort: str = "-calls"
    filters: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def query(self, **changes: Any) -> str:
        """The query string of this selection with these changes. `filters` replaces all filters."""
        changed = msgspec.structs.replace(self, **changes)
        days = {"since": changed.period.first.isoformat(), "until": changed.period.last.isoformat()}
        parameters = {"range": changed.range} if changed.range else days
        parameters |= {"by": changed.by, "measure": changed.measure, "sort": changed.sort}
        return "?" + urlencode({**parameters, **{name: str(value) for name, value in changed.filters.items()}})

    def grouped(self, by: str) -> str:
        """The query string with this grouping. Days are shown in their order, other groups keep the order chosen."""
        is_other_kind = "day" in (by, self.by) and by != self.by
        return self.query(by=by, sort=default_sort(by) if is_other_kind else self.sort)

    def narrowed(self, column: str, value: Any) -> str:
        """The query string with one filter more. A day becomes the range."""
        if column == "day":
            return self.within(Period(value, value))
        return self.query(filters={**self.filters, column: value})

    def within(self, period: Period) -> str:
        """The query string with this range. Within one day, there is nothing to group by day."""
        return self.query(range="", period=period, by="model" if self.by == "day" and period.length == 1 else self.by)

    def without(self, column: str) -> str:
        """The query string without this filter."""
        return self.query(filters={name: value for name, value in self.filters.items() if name != column})


def parse(parameters: Mapping[str, str], today: date) -> Selection:
    """The selection of an address. What is missing or unknown becomes the default; raises `ValueError` for a filter
    or a range that is invalid."""
    period = _given_period(parameters)
    name = parameters.get("range", "") if parameters.get("range") in RANGES else "30d"
    by = _one_of(GROUPS, parameters.get("by"), "model")
    return Selection(
        range="" if period else name,
        period=period or period_of(name, today),
        by=by,
        measure=_one_of(MEASURES, parameters.get("measure"), "calls"),
        sort=_sort(parameters.get("sort", ""), by),
        filters={name: value_of(name, parameters[name]) for name in FILTERS if name in parameters},
    )


def period_of(name: str, today: date) -> Period:
    """The days of a range with a name."""
    month = today.replace(day=1)
    if name == "last-month":
        last = month - timedelta(days=1)
        return Period(last.replace(day=1), last)
    first = {"today": today, "7d": today - timedelta(days=6), "month": month}.get(name, today - timedelta(days=29))
    return Period(first, today)


def _given_period(parameters: Mapping[str, str]) -> Period | None:
    if not (parameters.get("since") and parameters.get("until")):
        return None
    period = Period(date.fromisoformat(parameters["since"]), date.fromisoformat(parameters["until"]))
    if not 1 <= period.length <= MAX_DAYS:
        raise ValueError(f"A range has 1 to {MAX_DAYS} days.")
    return period


def _one_of(known: Mapping[str, Any], value: str | None, default: str) -> str:
    return value if value is not None and value in known else default


def _sort(text: str, by: str) -> str:
    return text if text.removeprefix("-") in SORTS else default_sort(by)


def default_sort(by: str) -> str:
    """Days in their order, other groups with the most calls first."""
    return "name" if by == "day" else "-calls"


def value_of(column: str, text: str) -> Any:
    """The value of a column that is written like this in an address. Raises `ValueError`."""
    if "\0" in text:  # PostgreSQL refuses this in a query
        raise ValueError("A filter cannot contain NUL characters.")
    if column != "user_id":
        return text
    try:
        return None if text in ("", "None") else get_user_model()._meta.pk.to_python(text)
    except ValidationError as error:
        raise ValueError(f"{text!r} is not a user.") from error
