"""`python -m tests.idempotency.caller DATABASE SECRET BASE_URL KEYS`: one process that sends calls with these keys.

Prints "ready", waits for a line, sends all calls at once, and prints the answers as JSON: a list of `[HTTP status,
error code or null]`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import django
from django.conf import settings


def set_up(database: str, base_url: str) -> None:
    """Configure Django for this database of the running test."""
    default = settings.DATABASES["default"]
    default["NAME"] = database
    if default["ENGINE"].endswith("sqlite3"):
        default["OPTIONS"] = {"timeout": 60, "init_command": "PRAGMA synchronous=OFF;"}
    options = {"base_url": base_url, "api_key": "secret-upstream-key"}
    backend = {"BACKEND": "threadless.backends.openai.OpenAIBackend", "OPTIONS": options}
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": backend}, "CONCURRENT_CALLS_PER_KEY": None}
    django.setup()


def call(secret: str, key: str) -> tuple[int, str | None]:
    """One call, to its end. Like an SDK it tries again after a 503."""
    from django.db import connections

    from threadless.testing import CompletionClient

    client = CompletionClient(secret, headers={"Idempotency-Key": key}, raise_request_exception=False)
    while (response := client.complete("small", "Hi")).status_code == 503:
        time.sleep(float(response.headers["Retry-After"]))
    error: Any = response.json().get("error")
    connections.close_all()
    return response.status_code, error and error["code"]


def main(database: str, secret: str, base_url: str, keys: str) -> None:
    set_up(database, base_url)
    go, answers = threading.Event(), []

    def run(key: str) -> None:
        go.wait()
        answers.append(call(secret, key))

    threads = [threading.Thread(target=run, args=[key]) for key in keys.split(",")]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    go.set()
    for thread in threads:
        thread.join()
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
