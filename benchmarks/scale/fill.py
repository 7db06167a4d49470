"""`python -m benchmarks.scale.fill ROWS`: a database of PostgreSQL with a ledger of this size, over twelve months.

Few keys make most calls, and days are busier than nights. Rows are inserted in the order of their time, as by a
platform. The sums of the days come from `threadless.reports` itself.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Final

SERVER: Final = os.environ.get("BENCH_POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
DAYS: Final = 365
KEYS, USERS, ACCOUNTS = 600, 200, 40
_BATCH: Final = 1_000_000
_KEYS_TABLE: Final = "accounts_apikey"
LEDGER: Final = "threadless_usagerecord"


def database_of(rows: int, *, by_month: bool = False) -> str:
    """The name of the database with so many rows, or of its copy with partitions."""
    return f"threadless_scale_{rows}" + "_by_month" * by_month


def connect(database: str) -> Any:
    """A connection in autocommit mode."""
    import psycopg

    return psycopg.connect(f"{SERVER.replace('postgres://', 'postgresql://')}/{database}", autocommit=True)


def exists(database: str) -> bool:
    """Whether it is there, and therefore complete."""
    with connect("postgres") as server:
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    return found is not None


def drop(database: str) -> None:
    """Remove it."""
    with connect("postgres") as server:
        server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def fill(rows: int) -> None:
    """Create and fill the database. It has its name only when it is complete."""
    unfinished = f"{database_of(rows)}_unfinished"
    drop(unfinished)
    with connect("postgres") as server:
        server.execute(f"CREATE DATABASE {unfinished}")
    os.environ["DATABASE_URL"] = f"{SERVER}/{unfinished}"
    _migrate()
    _create_people()
    with connect(unfinished) as database:
        _insert_calls(database, rows)
    _roll_up()
    with connect(unfinished) as database:
        say("vacuum")
        database.execute("VACUUM (ANALYZE)")
    _close()
    with connect("postgres") as server:
        server.execute(f"ALTER DATABASE {unfinished} RENAME TO {database_of(rows)}")


def _migrate() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    from django import setup
    from django.core.management import call_command

    setup()
    call_command("migrate", verbosity=0)


def _create_people() -> None:
    """Accounts, users and keys. Key number n belongs to user n % USERS, who belongs to account n % ACCOUNTS."""
    from django.contrib.auth import get_user_model

    from project.accounts.models import ApiKey, Membership, Organisation

    users: Any = get_user_model()
    users.objects.create_superuser("staff", "staff@example.com", "password")
    accounts = Organisation.objects.bulk_create(
        [Organisation(name=f"Account {n}", slug=f"account-{n}") for n in range(ACCOUNTS)]
    )
    people = users.objects.bulk_create([users(username=f"user{n:03}") for n in range(USERS)])
    memberships = [Membership(user=user, organisation=accounts[n % ACCOUNTS]) for n, user in enumerate(people)]
    Membership.objects.bulk_create(memberships)
    for n in range(KEYS):
        user, account = people[n % USERS], accounts[n % USERS % ACCOUNTS]
        name = f"{_NAMES[n % len(_NAMES)]} {n}"
        ApiKey.objects.issue(name=name, user=user, organisation=account, scopes=["CHATS:WRITE", "USAGE:READ"])


_NAMES: Final = ("CI pipeline", "Support bot", "laptop", "night jobs", "mobile app", "website")


def _insert_calls(database: Any, rows: int) -> None:
    [(last_id,)] = database.execute(f"SELECT COALESCE(MAX(id), 0) FROM {_KEYS_TABLE}").fetchall()
    indexes = _drop_indexes(database)
    database.execute("SET synchronous_commit = off")
    database.execute("SET maintenance_work_mem = '1GB'")
    database.execute("SELECT setseed(0.5)")
    names = {"keys": KEYS, "last": last_id, "rows": rows, "days": DAYS}
    for first in range(1, rows + 1, _BATCH):
        until = min(first + _BATCH - 1, rows)
        say(f"rows {first} to {until}")
        database.execute(_CALLS, names | {"first": first, "until": until})
    database.execute(f"SELECT setval(pg_get_serial_sequence('{LEDGER}', 'id'), {rows})")
    for statement in indexes:
        say(statement)
        database.execute(statement)
    database.execute(f"VACUUM (ANALYZE) {LEDGER}")


def _drop_indexes(database: Any) -> list[str]:
    """Drop the indexes of the ledger, which are built faster at the end. Returns how to create them."""
    found = database.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'", [LEDGER]
    ).fetchall()
    for name, _ in found:
        database.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


_CALLS: Final = f"""
INSERT INTO {LEDGER} (
    id, request_id, client_request_id, operation, account, key_id, key_label, user_id, model, target_kind,
    target_model, backend, upstream_model, is_stream, state, http_status, error_code, finish_reason, prompt_tokens,
    completion_tokens, cached_tokens, reasoning_tokens, usage_source, cost_nano, tool_calls, first_token_ms,
    duration_ms, opened_at, deadline, settled_at, worker, hook_state
)
SELECT
    number, 'req_' || md5(number::text), '', 'chat', organisation_id::text, key_id, key_name, user_id, model,
    CASE WHEN model LIKE 'agent%%' THEN 'agent' ELSE 'model' END, 'upstream-' || model, 'default',
    CASE WHEN answered THEN 'upstream-' || model || '-2026' ELSE '' END,
    is_stream, state,
    CASE WHEN answered THEN 200 WHEN state = 'failed' THEN 502 WHEN state = 'cancelled' THEN 499 END,
    CASE WHEN state = 'failed' THEN (ARRAY['upstream_timeout', 'rate_limit_exceeded', 'upstream_error',
        'context_length_exceeded', 'upstream_unavailable'])[1 + floor(r5 * 5)::int] ELSE '' END,
    CASE WHEN answered THEN CASE WHEN r5 < 0.9 THEN 'stop' ELSE 'length' END ELSE '' END,
    prompt, completion, prompt / 3, CASE WHEN is_stream THEN completion / 4 END,
    CASE WHEN prompt IS NULL THEN '' WHEN state = 'cancelled' THEN 'estimated' ELSE 'upstream' END,
    prompt * 400::bigint + completion * 1600::bigint, CASE WHEN answered THEN 0 END,
    CASE WHEN prompt IS NOT NULL THEN (exp(6.2 + r4) * 0.6)::int END,
    CASE WHEN state NOT IN ('open', 'interrupted') THEN (exp(6.2 + r4) * 0.6)::int + completion * 12 END,
    opened_at, opened_at + interval '16 minutes',
    CASE WHEN state NOT IN ('open', 'interrupted') THEN opened_at + interval '3 seconds' END,
    'node' || (number %% 4) || ':1234', NULL
FROM (
    SELECT calls.*, keys.id::text AS key_id, keys.name AS key_name, keys.user_id, keys.organisation_id,
        (ARRAY['gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano', 'o4-mini', 'claude-sonnet', 'claude-haiku', 'mistral-large',
            'llama-70b', 'agent_support', 'agent_sales', 'agent_search', 'agent_code'
        ])[1 + (keys.id + floor(r2 * r2 * r2 * 4)::bigint) %% 12] AS model,
        state = 'completed' AS answered, r3 < 0.7 AS is_stream,
        CASE WHEN state IN ('completed', 'cancelled') THEN 50 + (r4 * r4 * 4000)::int END AS prompt,
        CASE WHEN state IN ('completed', 'cancelled') THEN 5 + (r5 * r5 * 1500)::int END AS completion
    FROM (
        SELECT number, random() AS r2, random() AS r3, random() AS r4, random() AS r5,
            %(last)s - floor(%(keys)s * random() ^ 2)::bigint AS key_number,
            CASE WHEN number > %(rows)s - 20 THEN 'open' WHEN r1 < 0.935 THEN 'completed' WHEN r1 < 0.965 THEN 'failed'
                WHEN r1 < 0.997 THEN 'cancelled' ELSE 'interrupted' END AS state,
            now() - interval '1 day' * ({DAYS} - (days - 0.1 * sin(days * 2 * pi()))) - interval '1 minute' AS opened_at
        FROM (
            SELECT number, random() AS r1, {DAYS} * number::float8 / %(rows)s AS days
            FROM generate_series(%(first)s::bigint, %(until)s) AS number OFFSET 0
        ) AS numbers OFFSET 0
    ) AS calls JOIN {_KEYS_TABLE} AS keys ON keys.id = key_number
    OFFSET 0
) AS made
"""


def _roll_up() -> None:
    from threadless.reports.rollup import due_days, ledger_database, roll_up, roll_up_months

    days = due_days(ledger_database())
    say(f"sums of {len(days)} days")
    for day, _ in days:
        roll_up(day)
    roll_up_months()


def _close() -> None:
    from django.db import connections

    for each in connections.all():
        each.close()
        if hasattr(each, "close_pool"):
            each.close_pool()


_started: Final = time.monotonic()


def say(text: str) -> None:
    """Print what begins now."""
    print(f"{time.monotonic() - _started:7.1f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
