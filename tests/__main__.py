"""`python -m tests`: the whole suite, a session for each host platform, because a session has one settings module.

Further arguments go to pytest: `python -m tests -k stream -x`. `--only NAME` runs one session.
"""

from __future__ import annotations

import os
import subprocess
import sys

SESSIONS = {
    "app": ["tests"],
    "optional": ["tests/budgets", "tests/reports", "tests/self_service", "--ds=tests.optional_apps"],
    "project": ["tests/project", "--ds=project.settings"],
    "helpdesk": ["tests/hosts/helpdesk", "--ds=tests.hosts.helpdesk.settings"],
    "example": ["tests/hosts/example", "--ds=tests.hosts.example.settings"],
    "packages": ["tests/hosts/packages", "--ds=tests.hosts.packages.settings"],
    # Warnings of these packages, and connections that their clients leave open, are not ours.
    "bridges": ["tests/bridges", "--ds=tests.bridges.settings", "-W", "ignore"],
    "teams": ["tests/hosts/teams", "--ds=tests.hosts.teams.settings"],
}
NOTHING_COLLECTED = 5


def main(arguments: list[str]) -> int:
    """Exit status 0 if every session passed and at least one had a test."""
    names = list(SESSIONS)
    if "--only" in arguments:
        index = arguments.index("--only")
        names = [arguments[index + 1]]
        del arguments[index : index + 2]
    statuses = {name: run(name, arguments) for name in names}
    for name, status in statuses.items():
        words = {0: "passed", NOTHING_COLLECTED: "no tests"}
        print(f"{name}: {words.get(status, f'FAILED (exit status {status})')}")
    is_good = set(statuses.values()) <= {0, NOTHING_COLLECTED} and 0 in statuses.values()
    return 0 if is_good else 1


def run(name: str, arguments: list[str]) -> int:
    """One session in a separate process; its exit status."""
    print(f"\n== {name} ==", flush=True)
    workers = os.environ.get("TEST_WORKERS", "2")
    command = [sys.executable, "-m", "pytest", "-n", workers, *SESSIONS[name], *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
