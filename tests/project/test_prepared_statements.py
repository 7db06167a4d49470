"""On PostgreSQL, the example platform's connections prepare statements, whose parameters the server binds."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.project.platform import Platform
from tests.support.upstream import ScriptedUpstream
from threadless.reports.models import UsageDay
from threadless.reports.rollup import roll_up
from threadless.usage.days import today

pytestmark = pytest.mark.database("postgresql")

BODY = {"model": "small", "messages": [{"role": "user", "content": "Hello"}]}
CALLS = 7
"""A statement is prepared at its sixth execution on a connection, and `pg_prepared_statements` shows it then."""


def test_key_opening_and_settlement_are_prepared(platform: Platform, upstream: ScriptedUpstream) -> None:
    assert [platform.post(BODY).status_code for _ in range(CALLS)] == [200] * CALLS
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%threadless_usagerecord%'")
        ledger = sorted(statement.split()[0] for (statement,) in cursor.fetchall())
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%\"digest\" = $%'")
        keys = [statement.split()[0] for (statement,) in cursor.fetchall()]
    assert (ledger, keys) == (["INSERT", "UPDATE"], ["SELECT"])


def test_report_is_computed_with_parameters_that_the_server_binds(
    platform: Platform, upstream: ScriptedUpstream
) -> None:
    assert platform.post(BODY).status_code == 200
    assert [roll_up(today()) for _ in range(CALLS)] == [1] * CALLS
    assert UsageDay.objects.get().calls == 1
