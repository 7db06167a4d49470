"""The chart of the report: a stacked bar for each day, as rectangles of an SVG image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import msgspec
from django.utils.formats import date_format

from threadless.reports.page.formats import cost_text, count_text
from threadless.reports.sums import Sums

SERIES: Final = 7
"""Values with their own color. All others are one series more."""
WIDTH: Final = 1000
HEIGHT: Final = 200

MEASURED: Final[Mapping[str, tuple[Callable[[Sums], int], Callable[[int], str]]]] = {
    "calls": (lambda sums: sums.calls, count_text),
    "tokens": (lambda sums: sums.prompt_tokens + sums.completion_tokens, count_text),
    "cost": (lambda sums: sums.cost_nano, cost_text),
}
"""How to read and to write what the chart shows."""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One series within one bar."""

    series: int
    y: str
    height: str


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One day."""

    day: date
    x: str
    width: str
    boxes: list[Box]
    title: str
    texts: list[str]
    """The amount of each series, and their sum."""
    link: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """All bars, and what the axes say."""

    series: list[str]
    bars: list[Bar]
    top: str
    middle: str

    @property
    def days(self) -> list[str]:
        """The texts below the bars: first, middle and last day."""
        days = [bar.day for bar in self.bars]
        chosen = dict.fromkeys((days[0], days[len(days) // 2], days[-1]))
        return [date_format(day, "SHORT_DATE_FORMAT") for day in chosen]


def chart(
    days: Sequence[date],
    amounts: Mapping[date, Mapping[int, int]],
    names: list[str],
    write: Callable[[int], str],
    link: Callable[[date], str],
) -> Chart:
    """The chart of these amounts, by day and by number of the series."""
    highest = _rounded_up(max((sum(each.values()) for each in amounts.values()), default=0))
    bars = [
        _bar(number, day, days, amounts.get(day, {}), names, highest, write, link) for number, day in enumerate(days)
    ]
    return Chart(series=names, bars=bars, top=write(highest), middle=write(highest // 2))


def _bar(
    number: int,
    day: date,
    days: Sequence[date],
    amounts: Mapping[int, int],
    names: Sequence[str],
    highest: int,
    write: Callable[[int], str],
    link: Callable[[date], str],
) -> Bar:
    step = WIDTH / len(days)
    gap = step * 0.15
    values = [amounts.get(series, 0) for series in range(len(names))]
    return Bar(
        day=day,
        x=f"{number * step + gap / 2:.2f}",
        width=f"{step - gap:.2f}",
        boxes=list(_boxes(values, highest)),
        title=f"{date_format(day, 'DATE_FORMAT')}: {write(sum(values))}",
        texts=[write(value) for value in (*values, sum(values))],
        link=link(day),
    )


def _boxes(values: Iterable[int], highest: int) -> Iterable[Box]:
    below = 0.0
    for series, value in enumerate(values):
        height = HEIGHT * value / highest if highest else 0.0
        below += height
        if value:
            yield Box(series=series, y=f"{HEIGHT - below:.2f}", height=f"{height:.2f}")


def _rounded_up(number: int) -> int:
    """The next number with one or two significant digits, for the top of the axis."""
    if number <= 10:
        return max(number, 1)
    unit: int = 10 ** (len(str(number)) - 1)
    return next(
        each for tenths in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100) if (each := tenths * unit // 10) >= number
    )
