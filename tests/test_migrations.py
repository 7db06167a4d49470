"""The migrations say what the models say, and nothing of the host's settings."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

import threadless

FOLDER = Path(threadless.__file__).parent / "migrations"


@pytest.mark.django_db
def test_models_without_migration_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):  # with a change there is a line about it, which says more than the status
        call_command("makemigrations", "threadless", check=True, dry_run=True)
    assert capsys.readouterr().out == "No changes detected in app 'threadless'\n"


@pytest.mark.parametrize("app", ["budgets", "idempotency", "reports", "self_service"])
def test_models_of_an_optional_app_never_count_as_ours(app: str) -> None:
    """Django gives a model to the app whose package contains it, unless the model names another."""
    module = importlib.import_module(f"threadless.{app}.models")
    models = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
    assert {each._meta.app_label for each in models if hasattr(each, "_meta")} == {f"threadless_{app}"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("0*.py")), ids=lambda path: path.name)
def test_migration_is_named_and_imports_nothing_of_ours(path: Path) -> None:
    assert "auto" not in path.stem
    assert "import threadless" not in path.read_text()
    assert "from threadless" not in path.read_text()


def test_key_table_is_swappable() -> None:
    state = MigrationLoader(None).project_state([("threadless", "0001_initial")])
    assert state.models["threadless", "apikey"].options["swappable"] == "THREADLESS_API_KEY_MODEL"


@pytest.mark.django_db
def test_ledger_has_no_constraint_on_users() -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "threadless_usagerecord")
    assert [name for name, constraint in constraints.items() if constraint["foreign_key"]] == []


@pytest.mark.django_db
def test_ledger_has_index_for_each_question() -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "threadless_usagerecord")
    indexes = [tuple(constraint["columns"]) for constraint in constraints.values() if constraint["index"]]
    by = {(name, "opened_at") for name in ("user_id", "key_id", "account", "model")}
    assert sorted(set(indexes) - {("id",)}) == sorted(
        by | {("opened_at", "id"), ("state", "deadline"), ("request_id",)}
    )


@pytest.mark.django_db
def test_ledger_has_no_index_twice() -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "threadless_usagerecord")
    indexes = [tuple(constraint["columns"]) for constraint in constraints.values() if constraint["index"]]
    assert len(indexes) == len(set(indexes))


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_and_forth() -> None:
    call_command("migrate", "threadless", "zero", verbosity=0)
    assert "threadless_usagerecord" not in connection.introspection.table_names()
    call_command("migrate", "threadless", verbosity=0)
    assert "threadless_usagerecord" in connection.introspection.table_names()
