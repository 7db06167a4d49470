"""The chart of the report: a stacked bar for each day, week or month, as rectangles of an SVG image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
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
MOST_DAYS_OF_WEEKS: Final = 184
"""A range that is longer than this has a bar for each month, as bills have."""


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
    """One day, or the days of a week or month."""

    period: Period
    name: str
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

    unit: str
    """What a bar stands for: day, week or month."""

    @property
    def axis(self) -> list[str]:
        """The texts below the bars: those of the first, the middle and the last one."""
        bars = self.bars
        chosen = dict.fromkeys((bars[0].period, bars[len(bars) // 2].period, bars[-1].period))
        return [date_format(period.first, _AXIS_FORMATS[self.unit]) for period in chosen]


_AXIS_FORMATS: Final = {"day": "SHORT_DATE_FORMAT", "week": "SHORT_DATE_FORMAT", "month": "YEAR_MONTH_FORMAT"}
_NAME_FORMATS: Final = {"day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m"}


def chart(
    period: Period,
    values: Sequence[Sequence[int]],
    names: list[str],
    write: Callable[[int], str],
    link: Callable[[Period], str],
) -> Chart:
    """The chart of these amounts: those of each series, for each of the `pieces_of` the period."""
    pieces, unit = pieces_of(period), unit_of(period)
    highest = _rounded_up(max(map(sum, values), default=0))
    step = WIDTH / len(pieces)
    bars = [
        _bar(number * step, step, piece, format(piece.first, _NAME_FORMATS[unit]), each, highest, write, link(piece))
        for number, (piece, each) in enumerate(zip(pieces, values, strict=True))
    ]
    return Chart(series=names, bars=bars, top=write(highest), middle=write(highest // 2), unit=unit)


def unit_of(period: Period) -> str:
    """What a bar of this range stands for: day, week or month."""
    if period.length <= MOST_DAYS:
        return "day"
    return "week" if period.length <= MOST_DAYS_OF_WEEKS else "month"


def pieces_of(period: Period) -> list[Period]:
    """The days, weeks or months of a range. The last week and the first and last month may be shorter."""
    days, unit = list(period.days()), unit_of(period)
    if unit == "month":
        months = [list(group) for _, group in groupby(days, key=lambda day: (day.year, day.month))]
        return [Period(month[0], month[-1]) for month in months]
    length = 1 if unit == "day" else 7
    return [Period(days[start], days[start : start + length][-1]) for start in range(0, len(days), length)]


def _bar(
    left: float,
    step: float,
    piece: Period,
    name: str,
    values: Sequence[int],
    highest: int,
    write: Callable[[int], str],
    link: str,
) -> Bar:
    gap = step * 0.15
    x, width = f"{left + gap / 2:.2f}", f"{step - gap:.2f}"
    boxes = _boxes(values, highest)
    title = " – ".join(date_format(day, "DATE_FORMAT") for day in dict.fromkeys((piece.first, piece.last)))
    return Bar(
        period=piece,
        name=name,
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
