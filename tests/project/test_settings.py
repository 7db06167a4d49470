"""What an installation sets from its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as platform_settings

ROOT = Path(__file__).resolve().parents[2]


def read_settings(expression: str, **variables: str) -> Any:
    """The value of an expression over `project.settings` in a process with these variables alone."""
    code = f"import json; from project import settings as s; print(json.dumps({expression}))"
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_settings_need_no_variables() -> None:
    assert read_settings("[s.DEBUG, len(s.SECRET_KEY) >= 50, len(s.LLM_MODELS)]") == [False, True, 1]


def test_secret_key_is_never_the_same_by_default() -> None:
    assert read_settings("s.SECRET_KEY") != read_settings("s.SECRET_KEY")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, [False, False, 0]), ({"SECURE_COOKIES": "1", "HSTS_SECONDS": "60"}, [True, True, 60])],
)
def test_cookies_are_secure_where_the_installation_says_so(variables: dict[str, str], expected: list[Any]) -> None:
    names = "[s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS]"
    assert read_settings(names, **variables) == expected


def test_upstream_models_map_public_names() -> None:
    models = read_settings("s.LLM_MODELS", UPSTREAM_MODELS="fast=vendor/fast-v2, plain")
    assert models == {"fast": "vendor/fast-v2", "plain": "plain"}


def test_upstream_variables_become_backend_options() -> None:
    options = read_settings(
        's.THREADLESS["BACKENDS"]["default"]["OPTIONS"]',
        UPSTREAM_BASE_URL="http://10.0.0.1/v1",
        UPSTREAM_API_KEY="key",
        UPSTREAM_TIMEOUT="7",
    )
    assert (options["base_url"], options["api_key"]) == ("http://10.0.0.1/v1", "key")
    assert options["first_byte_seconds"] == options["between_chunks_seconds"] == 7


@pytest.mark.parametrize(
    ("url", "option", "value"),
    [
        ("sqlite:////tmp/host.sqlite3", "transaction_mode", "IMMEDIATE"),
        ("postgres://host/name", "pool", {"min_size": 1, "max_size": 16, "timeout": 1.5, "reconnect_timeout": 2}),
        ("postgres://host/name", "prepare_threshold", 5),
        ("mysql://host/name", "isolation_level", "read committed"),
    ],
)
def test_database_has_the_options_that_load_requires(url: str, option: str, value: Any) -> None:
    assert read_settings('s.DATABASES["default"]["OPTIONS"]', DATABASE_URL=url)[option] == value


def test_statements_are_not_prepared_if_pgbouncer_gives_each_transaction_another_connection() -> None:
    variables = {"DATABASE_URL": "postgres://host/name", "PREPARED_STATEMENTS": "0"}
    assert read_settings('s.DATABASES["default"]["OPTIONS"]["prepare_threshold"]', **variables) is None


@pytest.mark.parametrize("url", ["postgres://host/name", "mysql://host/name"])
def test_connection_to_a_database_server_ends_with_its_request(url: str) -> None:
    assert read_settings('s.DATABASES["default"]["CONN_MAX_AGE"]', DATABASE_URL=url) == 0


def test_cache_can_be_redis() -> None:
    assert "redis" in read_settings('s.CACHES["default"]["BACKEND"]', CACHE_URL="redis://127.0.0.1/1").lower()


def test_plug_is_three_names_in_the_settings() -> None:
    plugged = {name: value for name, value in platform_settings.THREADLESS.items() if "project." in str(value)}
    assert set(plugged) == {"KEY_ADAPTER", "RESOLVER", "BACKENDS"}


def test_no_migration_is_missing() -> None:
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
def test_gunicorn_accepts_its_configuration() -> None:
    command = [sys.executable, "-m", "gunicorn", "--check-config", "-c", "project/gunicorn.conf.py", "project.wsgi"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
