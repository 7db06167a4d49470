"""A project fresh from `startproject` and the four steps of the README: nothing else is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.upstream import ScriptedUpstream

Manage = Callable[..., str]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
INSTALLED_APPS += ["rest_framework", "threadless"]
ALLOWED_HOSTS = ["testserver"]
THREADLESS = {
    "BACKENDS": {
        "default": {
            "BACKEND": "threadless.backends.openai.OpenAIBackend",
            "OPTIONS": {"base_url": "%s", "api_key": "upstream-key"},
        }
    },
    "MODELS": {"gpt-4.1": {"model": "upstream-name"}},
}
"""
URLS = """
from django.urls import include
urlpatterns += [path("api/v1/", include("threadless.urls"))]
"""
CALLS = """
import json
from django.test.utils import setup_test_environment
from tests.support import rows
setup_test_environment()
before = rows.row_counts()
statuses = rows.mixed_calls("/api/v1/chat/completions", "{secret}", "gpt-4.1")
print(json.dumps([statuses, rows.grown(before)]))
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    """Where the platform's answers come from."""
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def manage(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Manage:
    """Runs `manage.py` of the platform; its standard output."""
    folder = tmp_path_factory.mktemp("plain")
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    def run(*arguments: str, **more: str) -> str:
        command = [sys.executable, *arguments]
        own_env = env | {"PYTHONPATH": str(ROOT)} | more
        done = subprocess.run(command, cwd=folder, env=own_env, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "django", "startproject", "platform_of_mine", ".")
    append(folder / "platform_of_mine/settings.py", SETTINGS % upstream.base_url)
    append(folder / "platform_of_mine/urls.py", URLS)
    run("manage.py", "migrate", "-v0")
    password = {"DJANGO_SUPERUSER_PASSWORD": "password"}
    run("manage.py", "createsuperuser", "--noinput", "--username=root", "--email=r@x.example", **password)
    return lambda *arguments: run("manage.py", *arguments)


def append(path: Path, text: str) -> None:
    """Add to the end of a file."""
    path.write_text(path.read_text() + text)


@pytest.fixture(scope="module")
def secret(manage: Manage) -> str:
    """A key made from the shell."""
    return manage("create_api_key", "--user=root", "--name=laptop", "--scope=CHATS:WRITE").strip()


def test_checks_of_a_deployment_find_nothing_wrong_with_our_part(manage: Manage) -> None:
    code = (
        "from django.core.checks import run_checks; print([m.id for m in run_checks(include_deployment_checks=True)])"
    )
    found = manage("shell", "-v0", "-c", code)
    assert "security.W018" in found
    assert "threadless" not in found


def test_no_migration_is_missing(manage: Manage) -> None:
    assert "No changes" in manage("makemigrations", "--check", "--dry-run")


def test_key_is_printed_alone(secret: str) -> None:
    assert secret.startswith("tl_")
    assert len(secret.split()) == 1


def test_twenty_calls_add_twenty_rows_to_the_ledger_alone(manage: Manage, secret: str) -> None:
    statuses, grown = json.loads(manage("shell", "-v0", "-c", CALLS.replace("{secret}", secret)))
    assert statuses == [200] * 20
    assert grown == {"threadless_usagerecord": 20}


def test_key_was_used_and_upstream_heard_its_own_name_and_key(
    manage: Manage, upstream: ScriptedUpstream, secret: str
) -> None:
    manage("shell", "-v0", "-c", CALLS.replace("{secret}", secret))
    exchange = upstream.exchanges[-1]
    assert exchange.body["model"] == "upstream-name"
    assert exchange.headers["Authorization"] == "Bearer upstream-key"
    code = "from threadless.models import APIKey; print(APIKey.objects.get().last_used_at is not None)"
    assert manage("shell", "-v0", "-c", code).strip() == "True"
