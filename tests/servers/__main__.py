"""`python -m tests.servers`: try every server, and write the table of docs/servers.md.

Arguments are kinds of servers, which are then tried alone; their rows are printed and the page is not changed. A server
that is not installed is named in the table. PostgreSQL's programs are needed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.servers import postgres, table
from tests.servers.trial import Trial, try_server

AT_ONCE: Final = 3
"""Servers that are tried at the same time: most of a check is waiting."""


def main() -> None:
    """Results are printed as they come, because all servers take about six minutes."""
    kinds = sys.argv[1:] or list(table.TITLES)
    trials: list[Trial] = []
    with postgres.cluster() as cluster, ThreadPoolExecutor(AT_ONCE) as pool:
        for trial in pool.map(lambda kind: try_server(kind, cluster), kinds):
            trials.append(trial)
            print(table.row(trial), flush=True)
    if not sys.argv[1:]:
        table.write(trials)


if __name__ == "__main__":
    main()
