"""`manage.py quickstart`: set up the platform, start it, and make one real call."""

from __future__ import annotations

import importlib.util
import io
import os
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management import BaseCommand, CommandError, call_command

from project.quickstart import places
from project.quickstart.call import QUESTION, CallFailed, stream_answer, usage_row
from project.quickstart.demo_data import Demo, create_demo_data
from project.quickstart.handout import lines_to_copy
from project.quickstart.processes import DidNotStart, Processes, side_processes
from project.quickstart.server import start_server
from project.quickstart.upstream import start_upstream

_MARK = "QUICKSTART_DATABASE_URL"
"""Set if the command already runs in the demo's environment."""


class Command(BaseCommand):
    requires_system_checks = ()  # they may open the host's own database; `run` calls them in the demo's environment
    help = "Start the platform with demo data, an upstream and a production server, and make one streamed call."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Exit after the call: 0 on success, 1 on failure.")
        parser.add_argument("--port", type=int, help="Port of the server. Default: 8000, or any free port.")
        parser.add_argument(
            "--database-url", default=places.DATABASE_URL, help="Database of the demo. Default: a file in .local/."
        )

    def handle(self, *_args: Any, check: bool, port: int | None, database_url: str, **_options: Any) -> None:
        if importlib.util.find_spec("gunicorn") is None:
            raise CommandError('gunicorn is not installed; run pip install -e ".[demo]" first.')
        if os.environ.get(_MARK) != database_url:
            restart_in(database_url)
        try:
            with side_processes() as processes:
                self.run(processes, port)
                if not check:
                    self.serve(processes)
            self.say("\nThe check succeeded. All processes are stopped.")
        except (DidNotStart, CallFailed, OSError) as error:
            raise CommandError(f"{error}\nLogs are in {places.DEMO}.") from error
        except KeyboardInterrupt:
            self.say("\nStopped.")
            if check:
                sys.exit(1)

    def run(self, processes: Processes, port: int | None) -> None:
        """Start everything, make the call and print the commands to copy."""
        self.check()
        call_command("migrate", verbosity=0, interactive=False)
        demo = create_demo_data(os.environ[_MARK])
        if apps.is_installed("threadless.reports"):
            call_command("threadless_rollup", stdout=io.StringIO())
        upstream = start_upstream(processes, self.say)
        self.say(f"Upstream: {upstream.label}")
        address = start_server(processes, upstream.environment, port)
        self.say(f"Server:   {address} (gunicorn)\n")
        self.call(address, demo)
        self.say(lines_to_copy(address, demo, self.style.MIGRATE_HEADING))

    def call(self, address: str, demo: Demo) -> None:
        """Print one answer while it streams, then its usage record. Raises `CallFailed`."""
        self.say(f"Question: {QUESTION}\nAnswer:   ", ending="")
        pieces = []
        for piece in stream_answer(address, demo):
            pieces.append(piece)
            self.say(piece, ending="")
        if not "".join(pieces).strip():
            raise CallFailed("The answer was empty.")
        row = usage_row(demo)
        self.say("\n\nUsage record\n" + "\n".join(f"  {name:<18}{value}" for name, value in row.items()))
        if row["state"] != "completed":
            raise CallFailed(f"The state of the call is {row['state']}, not completed.")

    def serve(self, processes: Processes) -> None:
        """Serve until a signal arrives. Raises `DidNotStart` if a process ends."""
        self.say(self.style.SUCCESS("\nServing. Press Ctrl-C to stop."))
        processes.wait()

    def say(self, text: str, ending: str = "\n") -> None:
        """Print without buffering."""
        self.stdout.write(text, ending=ending)
        self.stdout.flush()


def restart_in(database_url: str) -> None:
    """Run this command again in the demo's environment, because settings are read only once per process."""
    places.DEMO.mkdir(parents=True, exist_ok=True)
    demo = {
        _MARK: database_url,
        "DATABASE_URL": database_url,
        "CACHE_URL": "locmemcache://demo",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DEBUG": "false",
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"),
    }
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | demo)  # noqa: S606  (the same command again)
