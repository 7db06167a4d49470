"""The table of the report: a line for each value of a column, the remainder, and the total."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from threadless.reports.page.formats import cost_text, count_text, seconds_text, share_text
from threadless.reports.sums import Sums

LINES: Final = 50
"""Lines before the remainder."""
COLUMNS: Final[Mapping[str, Any]] = {
    "calls": _("Calls"),
    "prompt": _("Tokens in"),
    "completion": _("Tokens out"),
    "cached": _("Cached"),
    "cost": _("Cost"),
    "failed": _("Failed"),
    "p50": _("First token p50"),
    "p95": _("First token p95"),
}
"""The columns after the name, with their headings."""

_KEYS: Final[Mapping[str, Callable[[Sums], float]]] = {
    "calls": lambda sums: sums.calls,
    "prompt": lambda sums: sums.prompt_tokens,
    "completion": lambda sums: sums.completion_tokens,
    "cached": lambda sums: sums.cached_tokens,
    "cost": lambda sums: sums.cost_nano,
    "failed": lambda sums: sums.failed / sums.calls if sums.calls else 0,
    "p50": lambda sums: sums.first_token_ms(0.5) or 0,
    "p95": lambda sums: sums.first_token_ms(0.95) or 0,
}


class Cell(NamedTuple):
    """One figure."""

    text: str
    link: str = ""
    """Query string of the list of the calls behind it."""
    label: str = ""
    """The name of the link, which says what the figure counts."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    name: str
    value: Any
    sums: Sums
    link: str = ""
    """Query string of the report about this line alone; empty for the remainder and the total."""
    calls_link: str = ""
    """Query string of the list of the calls behind it; empty if that list cannot show them alone."""
    failed_link: str = ""
    """The same for the calls that failed."""

    def cells(self) -> list[Cell]:
        """The cells of `COLUMNS`."""
        sums = self.sums
        of = {"count": count_text(sums.calls), "name": self.name}
        failed = f"{count_text(sums.failed)} ({share_text(sums.failed, sums.calls)})" if sums.failed else "0"
        return [
            Cell(count_text(sums.calls), self.calls_link, gettext("%(count)s calls: %(name)s") % of),
            Cell(count_text(sums.prompt_tokens)),
            Cell(count_text(sums.completion_tokens)),
            Cell(count_text(sums.cached_tokens)),
            Cell(known_cost_text(sums)),
            Cell(
                failed,
                self.failed_link if sums.failed else "",
                gettext("%(count)s failed calls: %(name)s") % (of | {"count": failed}),
            ),
            Cell(seconds_text(sums.first_token_ms(0.5))),
            Cell(seconds_text(sums.first_token_ms(0.95))),
        ]


def known_cost_text(sums: Sums) -> str:
    """The cost; a dash if no call has a known one."""
    return "–" if sums.cost_unknown and not sums.cost_nano else cost_text(sums.cost_nano)


def ordered(groups: Mapping[Any, Sums], names: Mapping[Any, str], sort: str) -> list[Any]:
    """The values of the groups in the order that `sort` asks for."""
    column = sort.removeprefix("-")

    def key(value: Any) -> Any:
        if column == "name":
            return value.isoformat() if isinstance(value, date) else names.get(value, str(value)).casefold()
        return _KEYS[column](groups[value])

    return sorted(sorted(groups, key=str), key=key, reverse=sort.startswith("-"))
