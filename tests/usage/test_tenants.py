"""A record is settled where it was opened, also under a router that chooses the database by the current thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
from tests.settings import *
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{alias}.sqlite3", "OPTIONS": {"timeout": 20}}
    for alias in ("default", "blue")
}
DATABASE_ROUTERS = ["tenants.Router"]
MIDDLEWARE = ["tenants.by_header"]
"""
TENANTS = """
import threading
here = threading.local()

def by_header(get_response):
    def middleware(request):
        here.alias = request.headers.get("Tenant", "default")
        return get_response(request)
    return middleware

class Router:
    def db_for_read(self, model, **hints):
        return getattr(here, "alias", "default")
    db_for_write = db_for_read
    def allow_relation(self, one, other, **hints):
        return True
"""
CALLS = """
import json
import django
django.setup()
from django.core.management import call_command
from django.test import Client
import tenants
from tests.support.factories import make_key
from threadless.usage.models import UsageRecord

def stream(alias):
    tenants.here.alias = alias
    secret = make_key()[1]
    body = {"model": "small", "messages": [{"role": "user", "content": alias}], "stream": True}
    headers = {"Authorization": f"Bearer {secret}", "Tenant": alias, "Host": "localhost"}
    return Client().post("/api/v1/chat/completions", body, content_type="application/json", headers=headers)

for alias in ("default", "blue"):
    call_command("migrate", database=alias, verbosity=0)
opened = [stream("default"), stream("blue")]
for response in reversed(opened):
    b"".join(response)
    response.close()
rows = [list(UsageRecord.objects.using(alias).values_list("pk", "state")) for alias in ("default", "blue")]
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Primary key and state of the records of both databases, after a stream of each."""
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "tenant_settings.py").write_text(SETTINGS)
    (folder / "tenants.py").write_text(TENANTS)
    env = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "tenant_settings"}
    done = subprocess.run(
        [sys.executable, "-c", CALLS], cwd=folder, env=env, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_each_tenants_record_is_settled(rows: Any) -> None:
    assert rows == [[[1, "completed"]], [[1, "completed"]]]
