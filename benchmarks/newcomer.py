"""`python -m benchmarks.newcomer`: how long a newcomer waits, in a new environment, for what the README promises.

It copies the committed files, follows the commands of the README, and writes `benchmarks/results/newcomer.md`. The
package index and the weights of the small model are downloaded unless pip and the cache of the model have them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.processes import ROOT

RESULT: Final = ROOT / "benchmarks" / "results" / "newcomer.md"
KEY: Final = "create_api_key --user demo --name mine --scope CHATS:WRITE"


def main() -> None:
    """Run all steps and write the page."""
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        place, start = Path(folder), time.monotonic()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)

        def step(name: str, *command: str) -> str:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True, timeout=600)
            steps[name] = time.monotonic() - start
            return done.stdout

        follow(step, place)
    write(steps)


def follow(step: Callable[..., str], place: Path) -> None:
    """The commands of the README: the first answer, an own key, and a report."""
    python, database = ".venv/bin/python", f"sqlite:///{place / 'demo.sqlite3'}"
    manage = ("env", f"DATABASE_URL={database}", python, "manage.py")
    step("environment", sys.executable, "-m", "venv", ".venv")
    step("installed", ".venv/bin/pip", "install", "--quiet", "-e", ".[demo]")
    step("first answer", python, "manage.py", "quickstart", "--check", "--database-url", database)
    step("first own key", *manage, *KEY.split())
    report = step("first report", *manage, "threadless_report", "--by", "model")
    if "harbour-small" not in report:
        raise SystemExit(f"The report does not show the calls of the demo:\n{report}")


def write(steps: dict[str, float]) -> None:
    """The page, with the seconds since the first command."""
    rows = "".join(f"| {name} | {seconds:.0f} |\n" for name, seconds in steps.items())
    RESULT.write_text(
        "# A newcomer's first minutes\n\n"
        "`python -m benchmarks.newcomer` follows the commands of the README in a new environment. Seconds since the\n"
        "first command; downloads that pip has in its cache are not repeated:\n\n"
        f"| step | seconds |\n|---|---|\n{rows}"
    )
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
