"""Reads the stored results of a run: medians of the rounds, and figures that are computed from them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, Final

from benchmarks import payloads

_LARGEST: Final = frozenset({"connections_held", "threads", "peak_rss_mb"})
_IMAGE_MB: Final = len(payloads.request_body(payloads.IMAGE)) / 2**20


class Run:
    """A scenario at a target: the medians of its rounds."""

    def __init__(self, rounds: list[dict[str, Any]]) -> None:
        self._rounds = rounds
        self.number = len(rounds)
        self.calls: int = rounds[0]["calls"]
        self.has_ledger = bool(rounds[0]["ledger"]["states"])
        self.errors = sum(sum(run["errors"].values()) for run in rounds)

    def median(self, name: str, part: str = "") -> float | None:
        """The median of a figure, or of its part; None if it was not measured. The largest, if that is what counts."""
        found = [run.get(name) for run in self._rounds]
        values = [value[part] if part else value for value in found if value not in (None, {})]
        if not values:
            return None
        return float(max(values) if name in _LARGEST else statistics.median(values))


class Results:
    """All that a run has measured."""

    def __init__(self, measured: dict[str, Any]) -> None:
        self.measured = measured
        self.titles: dict[str, str] = measured["targets"]
        rounds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for run in measured["runs"]:
            rounds.setdefault((run["scenario"], run["target"]), []).append(run)
        self._runs = {where: Run(found) for where, found in rounds.items()}

    def run(self, scenario: str, target: str) -> Run | None:
        """The medians; None if this was not measured."""
        return self._runs.get((scenario, target))

    def errors(self, scenario: str, target: str) -> int:
        """The errors of all rounds; 0 if this was not measured."""
        run = self.run(scenario, target)
        return 0 if run is None else run.errors

    def figure(self, name: str, scenario: str, target: str) -> float | None:
        """One figure by its name in `FIGURES`; None if it was not measured."""
        run = self.run(scenario, target)
        return None if run is None else FIGURES[name](run)


def _memory_of_a_call(run: Run) -> float | None:
    """Growth of the memory during the run, in MB per call that was open at the same time."""
    peak, rest = run.median("peak_rss_mb"), run.median("rest_mb")
    return None if peak is None or rest is None else peak - rest


def _kilobytes(run: Run) -> float | None:
    grown = _memory_of_a_call(run)
    return None if grown is None else grown * 1024 / run.calls


def _copies(run: Run) -> float | None:
    """How often the body of an image was in memory, for each of the calls at the same time."""
    grown, at_once = _memory_of_a_call(run), run.median("connections")
    return None if grown is None or not at_once else grown / at_once / _IMAGE_MB


def _seconds(run: Run) -> float | None:
    first = run.median("first_ms", "p99")
    return None if first is None else first / 1000


FIGURES: Final[dict[str, Callable[[Run], float | None]]] = {
    "call": lambda run: run.median("cpu_ms_per_call"),
    "chunk": lambda run: run.median("cpu_us_per_chunk"),
    "wall": lambda run: run.median("wall_seconds"),
    "first": _seconds,
    "errors": lambda run: float(run.errors),
    "connections": lambda run: run.median("connections_held") if run.has_ledger else None,
    "stream": _kilobytes,
    "copies": _copies,
    "rest": lambda run: run.median("worker_rest_mb"),
    "memory": lambda run: run.median("peak_rss_mb"),
}
UNITS: Final = {
    "call": "ms",
    "chunk": "µs",
    "wall": "s",
    "first": "s",
    "errors": "errors",
    "connections": "connections",
    "stream": "KB",
    "copies": "copies",
    "rest": "MB",
    "memory": "MB",
}
_DIGITS: Final = {"call": 2, "chunk": 1, "wall": 1, "first": 2, "copies": 1}


def shown(name: str, value: float | None) -> str:
    """A figure with its unit; a dash if it was not measured."""
    return "–" if value is None else f"{value:.{_DIGITS.get(name, 0)}f} {UNITS[name]}"
