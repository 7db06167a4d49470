"""The chart of the report: a stacked bar for each day or week, as rectangles of an SVG image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final, NamedTuple

import msgspec
from django.utils.formats import date_format
from django.utils.html import format_html_join

from threadless.reports.page.formats import cost_text, count_text
from threadless.reports.queries import Period
from threadless.reports.sums import Sums

SERIES: Final = 7
"""Values with their own color. All others are one series more."""
WIDTH: Final = 1000
HEIGHT: Final = 200
MOST_DAYS: Final = 92
"""A longer range has a bar for each week: more bars are too thin to read, and slow to draw."""


class Measure(NamedTuple):
    """What the chart can show."""

    columns: tuple[str, ...]
    """The sums that it adds."""
    write: Callable[[int], str]

    def of(self, sums: Sums) -> int:
        """The amount in these sums."""
        return sum(getattr(sums, name) for name in self.columns)


MEASURED: Final[Mapping[str, Measure]] = {
    "calls": Measure(("calls",), count_text),
    "tokens": Measure(("prompt_tokens", "completion_tokens"), count_text),
    "cost": Measure(("cost_nano",), cost_text),
}
"""By the name in the address."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One day, or the days of a week."""

    period: Period
    x: str
    width: str
    boxes: str
    """One rectangle for each series. Made here, because a template needs ten times as long for hundreds of them."""
    title: str
    cells: str
    """The amount of each series, and their sum, as cells of the table. Made here for the same reason."""
    link: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """All bars, and what the axes say."""

    series: list[str]
    bars: list[Bar]
    top: str
    middle: str

    @property
    def is_weekly(self) -> bool:
        """Whether a bar stands for a week."""
        return self.bars[0].period.length > 1

    @property
    def days(self) -> list[str]:
        """The texts below the bars: first, middle and last day."""
        bars = self.bars
        chosen = dict.fromkeys((bars[0].period.first, bars[len(bars) // 2].period.first, bars[-1].period.last))
        return [date_format(day, "SHORT_DATE_FORMAT") for day in chosen]


def chart(
    period: Period,
    amounts: Mapping[date, Mapping[int, int]],
    names: list[str],
    write: Callable[[int], str],
    link: Callable[[Period], str],
) -> Chart:
    """The chart of these amounts, by day and by number of the series."""
    pieces = pieces_of(period)
    values = [[_sum(amounts, piece, series) for series in range(len(names))] for piece in pieces]
    highest = _rounded_up(max(map(sum, values), default=0))
    step = WIDTH / len(pieces)
    bars = [
        _bar(number * step, step, piece, each, highest, write, link(piece))
        for number, (piece, each) in enumerate(zip(pieces, values, strict=True))
    ]
    return Chart(series=names, bars=bars, top=write(highest), middle=write(highest // 2))


def pieces_of(period: Period) -> list[Period]:
    """The days of a range, or its weeks if it is long. The last week may be shorter."""
    days = list(period.days())
    length = 1 if len(days) <= MOST_DAYS else 7
    return [Period(days[start], days[start : start + length][-1]) for start in range(0, len(days), length)]


def _sum(amounts: Mapping[date, Mapping[int, int]], piece: Period, series: int) -> int:
    return sum(amounts.get(day, {}).get(series, 0) for day in piece.days())


def _bar(
    left: float, step: float, piece: Period, values: list[int], highest: int, write: Callable[[int], str], link: str
) -> Bar:
    gap = step * 0.15
    x, width = f"{left + gap / 2:.2f}", f"{step - gap:.2f}"
    boxes = _boxes(values, highest)
    title = " – ".join(date_format(day, "DATE_FORMAT") for day in dict.fromkeys((piece.first, piece.last)))
    return Bar(
        period=piece,
        x=x,
        width=width,
        boxes=format_html_join("", _BOX, ((series, x, y, width, height) for series, y, height in boxes)),
        title=f"{title}: {write(sum(values))}",
        cells=format_html_join("", "<td>{}</td>", ((write(value),) for value in (*values, sum(values)))),
        link=link,
    )


_BOX: Final = '<rect class="threadless-series-{}" x="{}" y="{}" width="{}" height="{}"/>'


def _boxes(values: Iterable[int], highest: int) -> Iterable[tuple[int, str, str]]:
    """Series, top and height of each rectangle."""
    below = 0.0
    for series, value in enumerate(values):
        height = HEIGHT * value / highest if highest else 0.0
        below += height
        if value:
            yield series, f"{HEIGHT - below:.2f}", f"{height:.2f}"


def _rounded_up(number: int) -> int:
    """The next number with one or two significant digits, for the top of the axis."""
    if number <= 10:
        return max(number, 1)
    unit: int = 10 ** (len(str(number)) - 1)
    return next(
        each for tenths in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100) if (each := tenths * unit // 10) >= number
    )
