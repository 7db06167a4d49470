"""The tests of conformance, run by their options against an installation in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import factories
from threadless.testing.conformance.in_process import serve

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db(transaction=True)
def test_installation_is_tested_by_its_address_without_settings_of_django(tmp_path: Path) -> None:
    secret = factories.make_key()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with serve() as url:
        options = ["--threadless-url", url, "--threadless-key", secret, "--threadless-model", "small"]
        plugins = ["-p", "threadless.testing.conformance.plugin", "-p", "no:django", "-p", "no:randomly"]
        command = [sys.executable, "-m", "pytest", "-q", *plugins, "--pyargs", "threadless.testing.conformance"]
        result = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "19 passed, 6 skipped" in result.stdout
