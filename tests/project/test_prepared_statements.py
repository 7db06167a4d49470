"""On PostgreSQL, the example platform's connections prepare the statements of a call."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.project.platform import Platform
from tests.support.upstream import ScriptedUpstream

CALLS = 7
"""A statement is prepared at its sixth execution on a connection, and `pg_prepared_statements` shows it then."""


@pytest.mark.database("postgresql")
def test_key_opening_and_settlement_are_prepared(platform: Platform, upstream: ScriptedUpstream) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": "Hello"}]}
    assert [platform.post(body).status_code for _ in range(CALLS)] == [200] * CALLS
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%threadless_usagerecord%'")
        ledger = sorted(statement.split()[0] for (statement,) in cursor.fetchall())
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%\"digest\" = $%'")
        keys = [statement.split()[0] for (statement,) in cursor.fetchall()]
    assert (ledger, keys) == (["INSERT", "UPDATE"], ["SELECT"])
