"""A forked process shares no connection to an upstream with its parent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FORK = """
import os
import django
from django.conf import settings

dummy = {"BACKEND": "threadless.backends.dummy.DummyBackend"}
settings.configure(INSTALLED_APPS=[], THREADLESS={"BACKENDS": {"default": dummy}})
django.setup()
from threadless.backends import backends

parents = backends["default"]
if child := os.fork():
    assert backends["default"] is parents
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
else:
    os._exit(7 if backends["default"] is parents else 0)
"""


def test_forked_process_builds_backends_of_its_own() -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", FORK], env=env, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("0", 0), done.stderr
