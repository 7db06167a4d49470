"""A kept statement is to the database, and to whoever watches, what Django's own cursor would have been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.signals import connection_created
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from threadless.db.prepared import Statement, first_row, row_count

pytestmark = pytest.mark.django_db

INSERT = "INSERT INTO django_content_type (app_label, model) VALUES (%s, %s)"
RENAME = "UPDATE django_content_type SET model = %s WHERE app_label = %s"


def names(app_label: str) -> list[str]:
    """The models of one app, by name."""
    return sorted(ContentType.objects.filter(app_label=app_label).values_list("model", flat=True))


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT %s, %s, %s", (1, "Straße 🙂", None)),
        ("SELECT %s", ("' OR 1 = 1 -- %s ?",)),
        ("SELECT '100%%', %s", (1,)),
        ("SELECT '%%s', %s", (1,)),
        ("SELECT model FROM django_content_type WHERE model LIKE 'use%%' AND app_label = %s", ("auth",)),
        ("SELECT model FROM django_content_type WHERE app_label = %s", ("nobody",)),
    ],
)
def test_result_is_that_of_djangos_cursor(sql: str, params: tuple[Any, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        expected = cursor.fetchone()
    assert Statement(sql).run(connection, params, first_row) == expected


def test_statement_runs_again_with_other_values() -> None:
    twice = Statement("SELECT %s")
    assert [twice.run(connection, [value], first_row)[0] for value in ("a", "b")] == ["a", "b"]


def test_number_of_changed_rows_is_told() -> None:
    ContentType.objects.create(app_label="zoo", model="lion")
    rename = Statement(RENAME)
    assert [rename.run(connection, ["tiger", name], row_count) for name in ("zoo", "nobody")] == [1, 0]
    assert names("zoo") == ["tiger"]


def test_statement_takes_part_in_the_transaction_around_it() -> None:
    with transaction.atomic():
        Statement(INSERT).run(connection, ["zoo", "lion"], row_count)
        assert names("zoo") == ["lion"]
        transaction.set_rollback(True)
    assert names("zoo") == []


@pytest.mark.django_db(transaction=True)
def test_statement_outside_a_transaction_is_committed() -> None:
    Statement(INSERT).run(connection, ["zoo", "lion"], row_count)
    connection.close()
    assert names("zoo") == ["lion"]


def test_statement_is_counted(django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(1):
        Statement("SELECT %s").run(connection, [1], first_row)


def test_statement_is_captured_with_its_values() -> None:
    with CaptureQueriesContext(connection) as captured:
        Statement("SELECT %s").run(connection, ["lion"], first_row)
    assert [query["sql"].replace("'", "") for query in captured] == ["SELECT lion"]


class Watcher:
    """An execute wrapper."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[Any]]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen.append((sql, list(params)))
        return execute(sql, params, many, context)


def test_statement_passes_through_execute_wrappers() -> None:
    watcher = Watcher()
    with connection.execute_wrapper(watcher):
        assert Statement("SELECT %s").run(connection, [1], first_row) == (1,)
    assert watcher.seen == [("SELECT %s", [1])]


@pytest.fixture
def watched_from_the_first() -> Iterator[Watcher]:
    """Watches each connection as soon as it is opened."""
    watcher = Watcher()

    def watch(connection: Any, **kwargs: Any) -> None:
        connection.execute_wrappers.append(watcher)

    connection_created.connect(watch)
    yield watcher
    connection_created.disconnect(watch)
    connection.execute_wrappers.remove(watcher)


@pytest.mark.django_db(transaction=True)
def test_statement_that_opens_the_connection_reaches_new_wrappers(watched_from_the_first: Watcher) -> None:
    connection.close()
    assert Statement("SELECT %s").run(connection, [1], first_row) == (1,)
    assert watched_from_the_first.seen[-1] == ("SELECT %s", [1])


@pytest.mark.django_db(transaction=True)
def test_broken_rule_is_djangos_error() -> None:
    insert = Statement(INSERT)
    insert.run(connection, ["zoo", "lion"], row_count)
    with pytest.raises(IntegrityError):
        insert.run(connection, ["zoo", "lion"], row_count)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sql", ["SELECT %s FROM nothing_of_that_name", "no SQL %s"])
def test_statement_that_the_database_does_not_take_is_djangos_error(sql: str) -> None:
    with pytest.raises(DatabaseError):
        Statement(sql).run(connection, [1], first_row)


@pytest.mark.django_db(transaction=True)
def test_failure_while_the_result_is_read_is_djangos_error() -> None:
    with pytest.raises(DatabaseError):
        Statement("SELECT %s").run(connection, [1], lambda cursor: cursor.execute("no SQL"))


@pytest.mark.django_db(transaction=True)
def test_statement_after_a_failed_one_works() -> None:
    with pytest.raises(DatabaseError):
        Statement("no SQL %s").run(connection, [1], first_row)
    assert Statement("SELECT %s").run(connection, [1], first_row) == (1,)


def test_broken_transaction_takes_no_statement() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            Statement("SELECT %s").run(connection, [1], first_row)
