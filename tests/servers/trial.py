"""Tries one server: each check of `tests.servers.checks` becomes a cell of the table in docs/servers.md."""

from __future__ import annotations

import math
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.servers import checks
from tests.servers.ending import Ending, ctrl_c, end_of_stream, sigterm
from tests.servers.leaving import HURRIED, PHASES, PROMISED_WITHIN, leave_in, seconds_to_notice
from tests.servers.postgres import Cluster
from tests.servers.rig import Rig, rig
from tests.support.server_commands import is_installed

GRACEFUL_SECONDS: Final = 10
GRACEFUL: Final[Mapping[str, Sequence[str]]] = {
    "gunicorn": ("--graceful-timeout", str(GRACEFUL_SECONDS)),
    "uvicorn": ("--timeout-graceful-shutdown", str(GRACEFUL_SECONDS)),
}
"""Options of servers that have one for the time that they wait, by the start of the kind."""
PING_SECONDS: Final = 2
COLUMNS: Final = ("chunks", "pings", "leaving", "stalling", "sigterm", "ctrl_c", "streams")
NOT_INSTALLED: Final = "not tested: not installed here"


@dataclass
class Trial:
    """The cells of one server, by column."""

    kind: str
    cells: dict[str, str] = field(default_factory=dict)


def try_server(kind: str, cluster: Cluster) -> Trial:
    """All checks of one server, about a minute."""
    trial = Trial(kind)
    if not is_installed(kind):
        trial.cells = dict.fromkeys(COLUMNS, NOT_INSTALLED)
        return trial
    with _running(kind, THREADLESS={"GRACE_SECONDS": 5, "PING_SECONDS": 1, "STALL_SECONDS": 2}) as made:
        trial.cells["chunks"] = _verdict(lambda: checks.chunks_arrive_one_by_one(made))
        trial.cells["pings"] = _verdict(lambda: _pings_and_status(made))
        trial.cells["stalling"] = _verdict(
            lambda: checks.client_that_stops_reading_is_dropped(made), "only its call ends"
        )
    trial.cells["leaving"] = _leaving(kind)
    trial.cells["sigterm"] = _ending(kind, sigterm)
    trial.cells["ctrl_c"] = _ending(kind, ctrl_c)
    trial.cells["streams"] = _streams(kind, cluster)
    return trial


@contextmanager
def _running(kind: str, database_url: str = "", **settings: Any) -> Iterator[Rig]:
    name = "gunicorn" if kind in ("gevent", "gthread", "sync") else kind.partition("-")[0]
    with tempfile.TemporaryDirectory(prefix="threadless-") as folder:
        Path(folder).chmod(0o777)
        with rig(kind, Path(folder), database_url=database_url, options=GRACEFUL.get(name, ()), **settings) as made:
            yield made


def _verdict(check: Callable[[], object], half: str = "") -> str:
    """`half` if the check returns False."""
    try:
        return half if check() is False else "yes"
    except (AssertionError, OSError):
        traceback.print_exc()
        return "no"


def _pings_and_status(made: Rig) -> None:
    checks.pings_bridge_a_silence(made)
    checks.early_failure_keeps_its_status(made)


def _leaving(kind: str) -> str:
    """`yes` if each phase is noticed within the promised second. Otherwise how many pings it takes."""
    with _running(kind, THREADLESS=HURRIED) as made:
        late = [phase for phase in PHASES if seconds_to_notice(phase, made, f"left-{phase}") is None]
        if not late:
            rows = made.ledger.settled_rows(lambda row: True, len(made.ledger.rows()))
            assert {row["state"] for row in rows} == {"cancelled"}, rows
            return "yes"
    with _running(kind, THREADLESS=HURRIED | {"PING_SECONDS": PING_SECONDS}) as made:
        return "; ".join(f"{phase}: {_when_noticed(phase, made)}" for phase in late)


def _when_noticed(phase: str, made: Rig) -> str:
    made.upstream.forget()
    exchange = leave_in(phase, made, f"late-{phase}")
    start = time.monotonic()
    if not exchange.wait_closed(8 * PING_SECONDS):
        return "not noticed"
    pings = math.ceil((time.monotonic() - start) / PING_SECONDS)
    is_cancelled = made.ledger.settled_row(f"late-{phase}")["state"] == "cancelled"
    return f"after {pings} pings{'' if is_cancelled else ', not `cancelled`'}"


def _ending(kind: str, stop: Callable[[Rig], object]) -> str:
    with _running(kind, THREADLESS={"GRACE_SECONDS": 0.3, "PING_SECONDS": 1}) as made:
        return describe(end_of_stream(made, stop))


def describe(ending: Ending) -> str:
    """What a client and the ledger see of a stop, in a few words."""
    if not ending.is_over:
        return "streams continue without limit"
    if ending.looks_complete:
        return "**streams look complete**"
    end = "error event" if ending.has_error else "cut"
    row = "row open" if ending.state == "open" else f"row `{ending.state}`"
    when = "at once" if ending.seconds < PROMISED_WITHIN else f"after {ending.seconds:.0f} s"
    return f"{end} {when}, {row}"


def _streams(kind: str, cluster: Cluster) -> str:
    pool = {"min_size": 1, "max_size": 5, "timeout": 30}
    limits = {"CONCURRENT_CALLS_PER_KEY": checks.STREAMS, "GRACE_SECONDS": 0.3, "PING_SECONDS": 30}
    with _running(kind, cluster.database(), POOL=pool, THREADLESS=limits) as made:
        return str(checks.streams_at_once(made))
