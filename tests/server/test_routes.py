"""A server loads the routes when it starts, not at its first request."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.support.serving import ROOT

_BEGIN = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
"""
_WORKER = """
from django import setup; setup()
from threadless.contrib.gunicorn import post_worker_init
before = "project.urls" in sys.modules
post_worker_init(None)
print(before, "project.urls" in sys.modules)
"""
_ASGI = """
from threadless.asgi import get_asgi_application
before = "project.urls" in sys.modules
get_asgi_application()
print(before, "project.urls" in sys.modules)
"""
_BROKEN = """
from django.conf import settings; settings.configure(ROOT_URLCONF="missing_module")
from threadless.server.routes import load_routes
load_routes()
print("started")
"""


def output(script: str) -> subprocess.CompletedProcess[str]:
    """What a script prints."""
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
def test_gunicorn_worker_loads_the_routes() -> None:
    assert output(_BEGIN + _WORKER).stdout == "False True\n"


def test_asgi_application_loads_the_routes() -> None:
    assert output(_BEGIN + _ASGI).stdout == "False True\n"


def test_broken_routes_are_logged_and_the_server_starts() -> None:
    found = output(_BROKEN)
    assert found.stdout == "started\n"
    assert "The URL configuration cannot be loaded." in found.stderr
