"""A host that keeps local times, as `USE_TZ = False` says: older platforms do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
SECRET_KEY = "of-a-test"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = False
TIME_ZONE = "Pacific/Auckland"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "threadless"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "times.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "threadless.urls"
THREADLESS = {
    "BACKENDS": {"default": {"BACKEND": "threadless.backends.dummy.DummyBackend"}},
    "MODELS": {"small": {"model": "small"}},
}
"""
CALL = """
import json, sys
from datetime import timedelta
from django.test import Client
from django.utils.timezone import now
from threadless.models import UsageRecord
from threadless.usage.sweep import sweep
body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]})
headers = {"Authorization": f"Bearer {sys.argv[1]}"}
status = Client().post("/chat/completions", body, "application/json", headers=headers).status_code
[row] = UsageRecord.objects.all()
fields = {"model": "small", "target_kind": "model", "target_model": "small", "backend": "default", "is_stream": False}
for minutes in (-1, 1):
    moment = now() + timedelta(minutes=minutes)
    UsageRecord.objects.create(request_id=str(minutes), opened_at=moment, deadline=moment, **fields)
swept = sweep()
marked = list(UsageRecord.objects.filter(state="interrupted").values_list("request_id", flat=True))
print(json.dumps([status, row.state, str(row.opened_at), swept, marked]))
"""


def run(folder: Path, *arguments: str) -> str:
    """A command of the host; its standard output."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What one call and one sweep left behind."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "call.py").write_text(f"import django\ndjango.setup()\n{CALL}")
    run(folder, "-m", "django", "migrate", "-v0")
    make_user = "from django.contrib.auth.models import User; User.objects.create_user('alice')"
    run(folder, "-c", f"import django; django.setup(); {make_user}")
    options = ("--user=alice", "--name=laptop", "--scope=CHATS:WRITE", "--expires=30d")
    secret = run(folder, "-m", "django", "create_api_key", *options).strip()
    answer: list[Any] = json.loads(run(folder, "call.py", secret))
    return answer


def test_call_is_answered_and_settled(result: list[Any]) -> None:
    assert result[:2] == [200, "completed"]


def test_row_has_the_hosts_local_time(result: list[Any]) -> None:
    opened_at = datetime.fromisoformat(result[2])
    utc = datetime.now(UTC).replace(tzinfo=None)
    assert opened_at - utc > timedelta(hours=11)


def test_sweep_marks_what_is_overdue_and_nothing_else(result: list[Any]) -> None:
    assert result[3:] == [1, ["-1"]]
