"""`Report`: everything that the page of one selection shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext

from threadless.reports.page.chart import MEASURED, SERIES, Chart, Measure, chart, pieces_of, unit_of
from threadless.reports.page.formats import change_text, count_text, seconds_text, share_text
from threadless.reports.page.names import names_of
from threadless.reports.page.selection import GROUPS, Selection
from threadless.reports.page.table import LINES, Line, known_cost_text, ordered
from threadless.reports.queries import Group, NotRolledUp, Sources, sources_of, sums, total
from threadless.reports.sums import COLUMNS, Sums, added
from threadless.usage.days import start_of_day
from threadless.usage.models import UsageRecord

_LIST_NAMES: Final = {"user_id": "user"}
"""Filters of the list of calls that have another name than the column."""
_FAILED: Final = UsageRecord.State.FAILED.value
_TOP: Final = 10
"""Lines in the tables about health."""


class Report:
    """Reads the sums when they are needed. Raises `NotRolledUp` if too many days have none."""

    def __init__(self, selection: Selection, request: HttpRequest, using: str) -> None:
        self.selection = selection
        self.column = GROUPS[selection.by][0]
        self._request = request
        self._using = using

    @cached_property
    def groups(self) -> dict[Any, Sums]:
        """The sums of each value of the column."""
        known = {"error_code": 0, "model": 1}  # read for the health part anyway
        return self._health[known[self.column]] if self.column in known else self._sums_by(self.column)

    @cached_property
    def total(self) -> Sums:
        """The sums of all calls."""
        return added(self.groups.values())

    def lines(self) -> list[Line]:
        """The lines of the table in their order."""
        values = ordered(self.groups, self._names_for_sorting(), self.selection.sort)
        names = self.names(self.column, values[:LINES])
        lines = [self.line(self.column, value, names[value], self.groups[value]) for value in values[:LINES]]
        if rest := values[LINES:]:
            name = gettext("%(count)s others") % {"count": count_text(len(rest))}
            lines.append(Line(name=name, value=None, sums=added(self.groups[value] for value in rest)))
        return lines

    def all_lines(self) -> list[Line]:
        """All lines, for the CSV file."""
        values = ordered(self.groups, self._names_for_sorting(), self.selection.sort)
        names = self.names(self.column, values)
        return [self.line(self.column, value, names[value], self.groups[value]) for value in values]

    def line(self, column: str, value: Any, name: str, found: Sums) -> Line:
        """One line with its links."""
        return Line(
            name=name,
            value=value,
            sums=found,
            link=self.selection.narrowed(column, value),
            calls_link=self.calls_query(column, value),
            failed_link=self.calls_query(column, value, state=_FAILED),
        )

    def total_line(self) -> Line:
        """The line below the table."""
        links = {"calls_link": self.calls_query(), "failed_link": self.calls_query(state=_FAILED)}
        return Line(name=gettext("Total"), value=None, sums=self.total, **links)

    def tiles(self) -> list[dict[str, str]]:
        """The five figures at the top, with their change against the range before."""
        now, before = self.total, self._before() or Sums()
        p95, p95_before = now.first_token_ms(0.95), before.first_token_ms(0.95)
        tokens = f"{count_text(now.prompt_tokens)} / {count_text(now.completion_tokens)}"
        note = gettext("%(count)s calls of unknown cost") % {"count": count_text(now.cost_unknown)}
        calls, failed = self.calls_query(), self.calls_query(state=_FAILED) if now.failed else ""
        return [
            _tile(gettext("Calls"), count_text(now.calls), change_text(now.calls, before.calls), link=calls),
            _tile(gettext("Tokens in / out"), tokens, change_text(_tokens(now), _tokens(before))),
            _tile(
                gettext("Cost"),
                known_cost_text(now),
                change_text(now.cost_nano, before.cost_nano),
                note if now.cost_unknown else "",
            ),
            _tile(
                gettext("Failed"),
                share_text(now.failed, now.calls),
                change_text(_share(now), _share(before)),
                link=failed,
            ),
            _tile(gettext("First token, p95"), seconds_text(p95), change_text(p95, p95_before)),
        ]

    def chart(self) -> Chart:
        """Bars by day, week or month, each divided by the values that have the most of what is measured."""
        measure = MEASURED[self.selection.measure]
        column = "model" if self.column == "day" else self.column
        groups = self.groups if column == self.column else self._health[1]
        top = sorted(groups, key=lambda value: (-measure.of(groups[value]), str(value)))[:SERIES]
        names = list(map(self.names(column, top).__getitem__, top))
        names += [gettext("others")] if len(groups) > len(top) else []
        amounts = [amounts[: len(names)] for amounts in self._amounts(measure, column, top)]
        return chart(self.selection.period, amounts, names, measure.write, self.selection.within)

    def _amounts(self, measure: Measure, column: str, top: Sequence[Any]) -> list[list[int]]:
        """For each bar, the amounts of the values at the top, and of all others together."""
        pieces = pieces_of(self.selection.period)
        bars = {day: number for number, piece in enumerate(pieces) for day in piece.days()}
        places = {value: number for number, value in enumerate(top)}
        # A database that ignores case groups "acme" and "ACME" under either name. The others need no place.
        folded = {_folded(value): number for value, number in places.items()}
        amounts = [[0] * (len(top) + 1) for _ in pieces]
        for (day, value), found in self._sums_of_days(measure, column, {column: top}).items():
            if (place := places.get(value, folded.get(_folded(value)))) is not None:
                amounts[bars[day]][place] += measure.of(found)
        for (day,), found in self._sums_of_days(measure).items():
            amounts[bars[day]][-1] += measure.of(found)
        for each in amounts:
            each[-1] -= sum(each[:-1])
        return amounts

    def failures(self) -> list[Line]:
        """The error codes with the most calls."""
        failed = {code: found for code, found in self._health[0].items() if code}
        codes = sorted(failed, key=lambda code: -failed[code].calls)[:_TOP]
        return [self.line("error_code", code, code, failed[code]) for code in codes]

    def latencies(self) -> list[Line]:
        """The models with the most calls, for their times to the first token."""
        models = self._health[1]
        top = sorted(models, key=lambda model: -models[model].calls)[:_TOP]
        names = self.names("model", top)
        return [self.line("model", model, names[model], models[model]) for model in top]

    def calls_query(self, column: str = "", value: Any = None, **narrower: Any) -> str:
        """The query string of the list of calls, or of its export, for one line or for the whole page."""
        first, last = self.selection.period.first, self.selection.period.last
        filters: dict[str, Any] = {**self.selection.filters, **narrower}
        if column == "day":
            first = last = value
        elif column:
            filters[column] = value
        if None in filters.values():  # the list has no filter for calls without a user
            return ""
        times = {
            "opened_at__gte": start_of_day(first).isoformat(),
            "opened_at__lt": start_of_day(last + timedelta(days=1)).isoformat(),
        }
        return "?" + urlencode(times | {_LIST_NAMES.get(name, name): value for name, value in filters.items()})

    def names_of_filters(self) -> Mapping[str, str]:
        """The value of each filter as people know it."""
        return {name: self.names(name, [value])[value] for name, value in self.selection.filters.items()}

    def _names_for_sorting(self) -> Mapping[Any, str]:
        """Names are looked up for all lines only if they decide the order."""
        is_sorted_by_name = self.selection.sort.removeprefix("-") == "name"
        return self.names(self.column, list(self.groups)) if is_sorted_by_name else {}

    def names(self, column: str, values: Collection[Any]) -> dict[Any, str]:
        """The values of a column as people know them."""
        return names_of(column, values, self._request, self._using)

    def _sums_by(self, column: str, columns: Collection[str] = COLUMNS) -> dict[Any, Sums]:
        return {value: each for (value,), each in self._sums([column], columns).items()}

    def _sums_of_days(
        self, measure: Measure, column: str = "", narrower: Mapping[str, Any] | None = None
    ) -> dict[Group, Sums]:
        """The sums by day and perhaps a column. If bars are months, those of a whole month may be at its first day."""
        if self.column == "day" and not column:
            return {(day,): found for day, found in self.groups.items()}
        by, months_are_days = ("day", column) if column else ("day",), unit_of(self.selection.period) == "month"
        return self._sums(by, measure.columns, narrower, months_are_days=months_are_days)

    def _sums(
        self,
        by: Iterable[str],
        columns: Collection[str] = COLUMNS,
        narrower: Mapping[str, Any] | None = None,
        *,
        months_are_days: bool = False,
    ) -> dict[Group, Sums]:
        period, where = self.selection.period, {**self.selection.filters, **(narrower or {})}
        return sums(
            period, by, where, self._using, columns=columns, sources=self._sources, months_are_days=months_are_days
        )

    @cached_property
    def _sources(self) -> Sources:
        return sources_of(self.selection.period, self._using)

    @cached_property
    def _health(self) -> tuple[dict[Any, Sums], dict[Any, Sums]]:
        """The sums by error code and by model."""
        found = self._sums(("error_code", "model"))
        codes: dict[Any, list[Sums]] = {}
        models: dict[Any, list[Sums]] = {}
        for (code, model), each in found.items():
            codes.setdefault(code, []).append(each)
            models.setdefault(model, []).append(each)
        return _added_each(codes), _added_each(models)

    def _before(self) -> Sums | None:
        try:
            return total(self.selection.period.before(), self.selection.filters, self._using)
        except NotRolledUp:
            return None


def _tile(name: str, text: str, change: str, note: str = "", *, link: str = "") -> dict[str, str]:
    return {"name": name, "text": text, "change": change, "note": note, "link": link}


def _added_each(groups: Mapping[Any, Iterable[Sums]]) -> dict[Any, Sums]:
    return {value: added(parts) for value, parts in groups.items()}


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _share(found: Sums) -> float:
    return found.failed / found.calls if found.calls else 0.0


def _tokens(found: Sums) -> int:
    return found.prompt_tokens + found.completion_tokens
