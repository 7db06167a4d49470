"""`python -m benchmarks.scale.partition ROWS`: a copy of a filled database whose ledger has a partition for each month.

PostgreSQL requires the column of the partition in every unique index, so the primary key becomes `(id, opened_at)`. All
other indexes stay as Django has made them.
"""

from __future__ import annotations

import sys
from datetime import date
from itertools import pairwise
from typing import Any, Final

from benchmarks.scale.fill import LEDGER, connect, database_of, drop, say

_WHOLE: Final = f"{LEDGER}_whole"


def partition(rows: int) -> None:
    """Copy the database of this size and divide the ledger. The copy has its name only when it is complete."""
    wanted = database_of(rows, by_month=True)
    unfinished = f"{wanted}_unfinished"
    drop(unfinished)
    with connect("postgres") as server:
        say("copy")
        server.execute(f"CREATE DATABASE {unfinished} TEMPLATE {database_of(rows)} STRATEGY file_copy")
    with connect(unfinished) as database:
        divide(database)
    with connect("postgres") as server:
        server.execute(f"ALTER DATABASE {unfinished} RENAME TO {wanted}")


def divide(database: Any) -> None:
    """Replace the ledger by one with a partition for each month."""
    select = "SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'"
    indexes = [found for (found,) in database.execute(select, [LEDGER]).fetchall()]
    database.execute("SET synchronous_commit = off")
    database.execute("SET maintenance_work_mem = '1GB'")
    database.execute("SET TIME ZONE 'UTC'")
    database.execute(f"ALTER TABLE {LEDGER} RENAME TO {_WHOLE}")
    database.execute(_TABLE)
    for month, following in _months(database):
        database.execute(
            f"CREATE TABLE {LEDGER}_{month:%Y_%m} PARTITION OF {LEDGER} FOR VALUES FROM ('{month}') TO ('{following}')"
        )
    say("rows")
    database.execute(f"INSERT INTO {LEDGER} SELECT * FROM {_WHOLE} ORDER BY id")
    database.execute(f"DROP TABLE {_WHOLE}")
    database.execute(f"ALTER TABLE {LEDGER} ADD PRIMARY KEY (id, opened_at)")
    for each in indexes:
        say(each)
        database.execute(each)
    database.execute(_NUMBERS)
    database.execute(f"VACUUM (ANALYZE) {LEDGER}")


_TABLE: Final = f"CREATE TABLE {LEDGER} (LIKE {_WHOLE}) PARTITION BY RANGE (opened_at)"
_NUMBERS: Final = f"""
CREATE SEQUENCE {LEDGER}_number OWNED BY {LEDGER}.id;
ALTER TABLE {LEDGER} ALTER id SET DEFAULT nextval('{LEDGER}_number');
SELECT setval('{LEDGER}_number', (SELECT max(id) FROM {LEDGER}));
"""
"""Before version 17, PostgreSQL has no identity columns in partitioned tables."""


def _months(database: Any) -> list[tuple[date, date]]:
    """All months of the ledger and the next one, each with the day after its end."""
    [(first, last)] = database.execute(f"SELECT min(opened_at), max(opened_at) FROM {_WHOLE}").fetchall()
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month + 1)
    days = [date(number // 12, number % 12 + 1, 1) for number in (*numbers, numbers[-1] + 1)]
    return list(pairwise(days))


if __name__ == "__main__":
    partition(int(sys.argv[1]))
