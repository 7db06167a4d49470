"""The help desk itself: nothing of it changes when threadless moves in, and its migrations go both ways."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.helpdesk import probe

Answers = dict[str, list[dict[str, Any]]]

AFTER, BEFORE = "tests.hosts.helpdesk.settings", "tests.hosts.helpdesk.settings_before"


def run(*arguments: str, settings: str = AFTER, database: Path | str = ":memory:") -> str:
    """Python under other settings than ours."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "DESK_DATABASE": str(database)}
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answers() -> Answers:
    """What the desk's own routes answer with threadless and without."""
    return {name: json.loads(run("-m", probe.__name__, settings=name)) for name in (AFTER, BEFORE)}


def test_own_routes_answer_byte_for_byte_as_before(answers: Answers) -> None:
    assert answers[AFTER] == answers[BEFORE]


def test_probe_meets_every_kind_of_answer(answers: Answers) -> None:
    statuses = [answer["status"] for answer in answers[BEFORE]]
    assert statuses == [401, 302, 200, 401, 403, 403, 200, 406, 429, 201, 500, 400, 415, 200, 405, 200]


def test_own_errors_keep_their_form(answers: Answers) -> None:
    body = json.loads(bytes.fromhex(answers[AFTER][4]["body"]))
    assert list(body) == ["fault", "text"]


def test_settings_are_found_right() -> None:
    assert "no issues" in run("-m", "django", "check", "--fail-level", "WARNING")


def test_no_migration_is_missing() -> None:
    assert "No changes" in run("-m", "django", "makemigrations", "--check", "--dry-run")


def tables(database: Path) -> set[str]:
    """Names of the tables in a file."""
    with sqlite3.connect(database) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names


def test_migrations_go_up_from_nothing_and_back(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    run("-m", "django", "migrate", database=database)
    assert {"threadless_usagerecord", "desk_credential"} <= tables(database)
    run("-m", "django", "migrate", "threadless", "zero", database=database)
    assert not [name for name in tables(database) if name.startswith("threadless")]
    assert "desk_credential" in tables(database)


def test_swapped_key_table_is_not_made(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    run("-m", "django", "migrate", database=database)
    assert "threadless_apikey" not in tables(database)


def test_threadless_moves_into_a_database_that_is_in_use(tmp_path: Path) -> None:
    database = tmp_path / "desk.sqlite3"
    run("-m", "django", "migrate", settings=BEFORE, database=database)
    run("-m", "django", "migrate", database=database)
    assert "threadless_usagerecord" in tables(database)
