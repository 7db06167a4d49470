"""The page of usage: totals, a chart by day with its table, and sums by model and by key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import msgspec
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from threadless.conf import conf
from threadless.reports.queries import Period, sums
from threadless.reports.sums import Sums
from threadless.self_service.money import amount, cost_of
from threadless.self_service.pages.page import CustomerPage
from threadless.usage.days import today

RANGES: Final = {"7": _("7 days"), "30": _("30 days"), "month": pgettext_lazy("range", "This month")}
COLUMNS: Final = (_("Calls"), _("Failed"), _("Input tokens"), _("Cached"), _("Output tokens"), _("Cost"))
_CHART_HEIGHT: Final = 120
_BAR_STEP: Final = 24
_BAR_WIDTH: Final = 18


class UsageRow(msgspec.Struct, frozen=True):
    """The sums of a day, a model or a key."""

    name: Any
    sums: Sums

    @property
    def cells(self) -> list[str]:
        """Calls, failed calls, input, cached and output tokens, and cost, for people."""
        found = self.sums
        numbers = (*(found.calls, found.failed, found.prompt_tokens, found.cached_tokens, found.completion_tokens),)
        return [*(number_format(each, force_grouping=True) for each in numbers), amount(cost_of(found))]


class UsagePage(CustomerPage):
    """The calls of the signed-in user, with all keys and without."""

    title = _("Usage")
    tab = "usage"
    template_name = "threadless_self_service/usage.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("range", "")
        chosen = chosen if chosen in RANGES else "7"
        period, where = _period(chosen), {"user_id": self.request.user.pk}
        by_day = {group[0]: each for group, each in sums(period, ["day"], where).items()}
        days = [UsageRow(day, by_day.get(day, Sums())) for day in period.days()]
        return super().get_context_data(
            ranges=RANGES.items(),
            chosen=chosen,
            tiles=zip(COLUMNS, UsageRow("", sum(by_day.values(), start=Sums())).cells, strict=True),
            columns=COLUMNS,
            days=days,
            bars=_bars(days),
            axis=[days[0], days[len(days) // 2], days[-1]] if len(days) > 2 else days,
            chart_width=len(days) * _BAR_STEP,
            chart_height=_CHART_HEIGHT,
            models=_rows(sums(period, ["model"], where)),
            keys=_rows(sums(period, ["key_label"], where)),
            currency=conf.currency,
            time_zone=conf.billing_zone,
            **kwargs,
        )


def _period(chosen: str) -> Period:
    last: date = today()
    return Period(last.replace(day=1) if chosen == "month" else last - timedelta(days=int(chosen) - 1), last)


def _rows(found: Mapping[tuple[Any, ...], Sums]) -> list[UsageRow]:
    """The groups with the most calls first."""
    rows = [UsageRow(group[0], each) for group, each in found.items()]
    return sorted(rows, key=lambda row: (-row.sums.calls, str(row.name)))


def _bars(days: list[UsageRow]) -> list[dict[str, Any]]:
    """Place and size of the bar of each day, in the units of the chart."""
    most = max((row.sums.calls for row in days), default=0) or 1
    heights = [round(_CHART_HEIGHT * row.sums.calls / most) for row in days]
    return [
        {"x": number * _BAR_STEP, "y": _CHART_HEIGHT - height, "width": _BAR_WIDTH, "height": height, "row": row}
        for number, (row, height) in enumerate(zip(days, heights, strict=True))
    ]
