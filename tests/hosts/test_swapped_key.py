"""`THREADLESS_API_KEY_MODEL`: swapped, pointing back at us, and wrong in every way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]

ROOT = Path(__file__).resolve().parents[2]
MODELS = """
from django.db import models
from threadless.models import AbstractAPIKey

class TeamKey(AbstractAPIKey):
    team = models.CharField(max_length=20, default="red")
    changed_at = models.DateTimeField(auto_now=True)
    first_call = models.ForeignKey(
        "threadless.UsageRecord", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
"""
SETTINGS = """
from tests.settings import *
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "keys.sqlite3"}}
INSTALLED_APPS = [*INSTALLED_APPS, "team"]
"""
CALL = """
import json
from django.contrib.auth.models import User
from django.test import Client
from team.models import TeamKey
from threadless.models import UsageRecord
key, secret = TeamKey.objects.issue(name="k", user=User.objects.create_user("u"), scopes=["CHATS:WRITE"])
body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]})
headers = {"Authorization": f"Bearer {secret}", "Host": "localhost"}
status = Client().post("/api/v1/chat/completions", body, content_type="application/json", headers=headers).status_code
key.first_call = UsageRecord.objects.get()
key.save()
print(status, TeamKey.objects.get().first_call.key_id == str(key.pk))
"""
CHANGE = """
from datetime import datetime, timezone
from django.contrib.auth.models import User
from django.test import Client
from team.models import TeamKey
key, _ = TeamKey.objects.issue(name="k", user=User.objects.create_superuser("root"))
TeamKey.objects.update(changed_at=datetime(2001, 1, 1, tzinfo=timezone.utc))
client = Client()
client.force_login(key.user)
url = f"/admin/team/teamkey/{key.pk}/change/"
client.post(url, {"name": "k", "team": "blue", "allowed_models_0": "all"}, headers={"Host": "localhost"})
key.refresh_from_db()
print(key.team, key.changed_at.year > 2001)
"""
ADMIN = """
from django.contrib import admin
from team.models import TeamKey
from threadless.admin import BaseAPIKeyAdmin
admin.site.register(TeamKey, BaseAPIKeyAdmin)
"""


def host_in(folder: Path) -> Run:
    """Runs Django's commands in this folder."""

    def run(*arguments: str, model: str | None = "team.TeamKey", fails: bool = False) -> str:
        setting = f"THREADLESS_API_KEY_MODEL = {model!r}\n" if model is not None else ""
        (folder / "team_settings.py").write_text(SETTINGS + setting)
        env = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "team_settings"}
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def write_app(folder: Path) -> None:
    """An app whose key model has a foreign key back to us."""
    (folder / "team").mkdir()
    (folder / "team/__init__.py").touch()
    (folder / "team/models.py").write_text(MODELS)
    (folder / "team/admin.py").write_text(ADMIN)


@pytest.fixture
def host(tmp_path: Path) -> Run:
    """A host with the app, before its first migration."""
    write_app(tmp_path)
    return host_in(tmp_path)


@pytest.fixture(scope="module")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after its migrations."""
    folder = tmp_path_factory.mktemp("swapped")
    write_app(folder)
    made = host_in(folder)
    made("makemigrations", "team")
    made("migrate", "-v0")
    return folder


@pytest.fixture
def migrated(migrated_folder: Path, tmp_path: Path) -> Run:
    """A copy of the migrated host."""
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    return host_in(tmp_path)


def test_swapped_key_with_a_foreign_key_back_migrates_and_answers(migrated: Run) -> None:
    assert migrated("shell", "-v0", "-c", CALL).split()[-2:] == ["200", "True"]
    assert "No changes" in migrated("makemigrations", "--check", "--dry-run")
    migrated("migrate", "threadless", "zero", "-v0")


def test_admin_changes_a_column_of_the_host_and_its_change_time(migrated: Run) -> None:
    assert migrated("shell", "-v0", "-c", CHANGE).split()[-2:] == ["blue", "True"]


def test_key_is_swapped_on_a_migrated_database(host: Run) -> None:
    host("makemigrations", "team", model=None)
    host("migrate", "-v0", model=None)
    assert "No changes" in host("makemigrations", "--check", "--dry-run")
    host("migrate", "-v0")
    assert host("shell", "-v0", "-c", CALL).split()[-2:] == ["200", "True"]


@pytest.mark.parametrize("model", ["team.Nothing", ""])
def test_setting_that_names_no_model_is_a_check_error(host: Run, model: str) -> None:
    assert "threadless.E006" in host("check", model=model, fails=True)


def test_undefined_setting_means_our_own_table(host: Run) -> None:
    assert "no issues" in host("check", model=None)
    assert "TeamKey" in host("makemigrations", "team", model=None)
