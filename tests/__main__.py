"""`python -m tests`: the whole suite, a session for each host platform, because a session has one settings module.

Further arguments go to pytest: `python -m tests -k stream -x`. `--only NAME` runs one session. With `--rerun`, tests
that failed run once more, in a new process, and the summary names them: a busy machine can fail a test of real sockets,
servers and browsers. More than `MOST_RERUNS` failures in a session are not repeated.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

SESSIONS = {
    "app": ["tests"],
    "optional": [
        *("tests/budgets", "tests/idempotency", "tests/reports", "tests/self_service"),
        "--ds=tests.optional_apps",
    ],
    "project": ["tests/project", "--ds=project.settings"],
    "helpdesk": ["tests/hosts/helpdesk", "--ds=tests.hosts.helpdesk.settings"],
    "example": ["tests/hosts/example", "--ds=tests.hosts.example.settings"],
    "packages": ["tests/hosts/packages", "--ds=tests.hosts.packages.settings"],
    # Warnings of these packages, and connections that their clients leave open, are not ours.
    "bridges": ["tests/bridges", "--ds=tests.bridges.settings", "-W", "ignore"],
    "teams": ["tests/hosts/teams", "--ds=tests.hosts.teams.settings"],
    "accounts": ["tests/hosts/accounts", "--ds=tests.hosts.accounts.settings"],
    "agents": ["tests/hosts/agents", "--ds=tests.hosts.agents.settings", "-W", "ignore"],
    "schemas": ["tests/hosts/schemas", "--ds=tests.hosts.schemas.settings"],
    "tenants": ["tests/hosts/tenants", "--ds=tests.hosts.tenants.settings"],
    "observed": ["tests/hosts/observed", "--ds=tests.hosts.observed.settings"],
}
if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
    del SESSIONS["schemas"]  # django-tenants needs PostgreSQL
WITH_WORKERS: Final = {"app", "optional", "project"}
"""The sessions with enough tests. In the others each worker would take longer to import and collect than to test."""
PASSED, SOME_FAILED, NOTHING_COLLECTED = 0, 1, 5
MOST_RERUNS: Final = 5


def main(arguments: list[str]) -> int:
    """Exit status 0 if every session passed and at least one had a test."""
    names = list(SESSIONS)
    if "--only" in arguments:
        index = arguments.index("--only")
        names = [arguments[index + 1]]
        del arguments[index : index + 2]
    may_rerun = "--rerun" in arguments
    arguments = [argument for argument in arguments if argument != "--rerun"]
    results = {name: run(name, arguments, may_rerun) for name in names}
    for name, (status, repeated) in results.items():
        words = {PASSED: "passed", NOTHING_COLLECTED: "no tests"}
        print(f"{name}: {words.get(status, f'FAILED (exit status {status})')}")
        for test in repeated:
            print(f"    failed at first: {test}")
    statuses = {status for status, _ in results.values()}
    return 0 if statuses <= {PASSED, NOTHING_COLLECTED} and PASSED in statuses else 1


def run(name: str, arguments: list[str], may_rerun: bool) -> tuple[int, list[str]]:
    """One session in a separate process: its exit status, and the tests that were repeated."""
    print(f"\n== {name} ==", flush=True)
    workers = os.environ.get("TEST_WORKERS", "2") if name in WITH_WORKERS else "0"
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *SESSIONS[name], *arguments]
        # Each worker begins with tests that follow each other, which have the servers of their module in common.
        status = subprocess.run([*command, "-n", workers, "--dist", "worksteal"], check=False).returncode
        failed = failures(Path(cache)) if may_rerun and status == SOME_FAILED else []
        if not 0 < len(failed) <= MOST_RERUNS:
            return status, []
        print(f"\n== {name}: {len(failed)} failed, which run again ==", flush=True)
        return subprocess.run([*command, "-n", "0", "--last-failed"], check=False).returncode, failed


def failures(cache: Path) -> list[str]:
    """The tests that pytest has noted as failed."""
    path = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(path.read_text())) if path.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
