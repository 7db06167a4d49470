"""Starts the tests of the other host platforms, each under its own settings."""

import os
import subprocess
import sys

import pytest

from tests.hosts.conftest import SETTINGS


@pytest.mark.parametrize("host", sorted(SETTINGS))
def test_host_passes_its_own_tests(host):
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_", "DATABASE_"))
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        f"tests/hosts/{host}",
        f"--ds={SETTINGS[host]}",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout
