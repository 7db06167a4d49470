"""`threadless.contrib.gunicorn`: what gunicorn makes of it, alone and imported by a host's own file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")

ROOT = Path(__file__).resolve().parents[2]
MODULE = "python:threadless.contrib.gunicorn"
PRINT_CONFIGURATION = """
import json, sys
from gunicorn.app.wsgiapp import WSGIApplication
sys.argv = ["gunicorn", *sys.argv[1:], "project.wsgi"]
found = {name: each.get() for name, each in WSGIApplication().cfg.settings.items()}
print(json.dumps({name: value for name, value in found.items() if isinstance(value, (int, str, bool))}))
"""


def configuration(*arguments: str, **environment: str) -> dict[str, Any]:
    """What gunicorn has read, with these command-line arguments."""
    command = [sys.executable, "-c", PRINT_CONFIGURATION, *arguments]
    variables = {**os.environ, "WEB_CONCURRENCY": "", "PYTHONPATH": str(ROOT)} | environment
    if not variables["WEB_CONCURRENCY"]:
        del variables["WEB_CONCURRENCY"]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_module_is_a_configuration_of_gunicorn() -> None:
    found = configuration("-c", MODULE)
    assert (found["timeout"], found["keepalive"], found["workers"]) == (120, 75, os.cpu_count())
    assert found["worker_class"] == "gevent" or found["threads"] == 64


def test_environment_and_options_override_it() -> None:
    found = configuration(
        "-c", MODULE, "--timeout", "7", WEB_CONCURRENCY="3", GUNICORN_CMD_ARGS="--graceful-timeout 300"
    )
    assert (found["workers"], found["timeout"], found["graceful_timeout"]) == (3, 7, 300)


def test_file_that_imports_it_changes_some_values(tmp_path: Path) -> None:
    path = tmp_path / "gunicorn.conf.py"
    path.write_text("from threadless.contrib.gunicorn import *\n\ngraceful_timeout = 300\n")
    found = configuration("-c", str(path))
    assert (found["graceful_timeout"], found["keepalive"]) == (300, 75)


def test_star_import_brings_every_setting_of_the_module() -> None:
    from gunicorn.config import KNOWN_SETTINGS

    from threadless.contrib import gunicorn

    assert set(gunicorn.__all__) == {each.name for each in KNOWN_SETTINGS} & set(vars(gunicorn))


def test_head_that_gunicorn_accepts_is_at_most_1_mib() -> None:
    found = configuration("-c", MODULE)
    assert found["limit_request_field_size"] * found["limit_request_fields"] <= 2**20


SWITCH_INTERVAL = """
import sys
import django
from threadless.contrib.gunicorn import post_worker_init
django.setup()
post_worker_init(None)
print(round(sys.getswitchinterval(), 3))
"""


@pytest.mark.parametrize(
    ("preamble", "seconds"), [("", 0.005), ("from gevent import monkey; monkey.patch_all()", 0.05)]
)
def test_gevent_gets_more_time_for_callbacks(preamble: str, seconds: float) -> None:
    command = [sys.executable, "-c", preamble + SWITCH_INTERVAL]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=True)
    assert float(done.stdout) == seconds
