"""`python -m tests.budgets.caller DATABASE SECRET KIND`: one process of a platform that sends many calls at once.

Prints "ready", waits for a line, and prints the answers as JSON: a list of `[HTTP status, error code or null]`.
KIND is `plain` (50 calls that use exactly their output limit) or `streams` (5 streams without an end).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import django
from django.conf import settings

PLAIN_CALLS = 50
STREAMS = 5
OUTPUT = "x" * 10
PIECE = "x" * 7
"""A chunk of a stream."""


def answer(payload: Any, caller: Any) -> Any:
    """The LLM path: a plain answer, or a stream that does not end."""
    if payload.get("stream"):
        return iter(lambda: PIECE, "")
    usage = {"prompt_tokens": 6, "completion_tokens": 10, "total_tokens": 16}
    choice = {"index": 0, "message": {"role": "assistant", "content": OUTPUT}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": usage}


def count_letters(text: str, model: str) -> int:
    """An exact counter: every letter is a token."""
    return len(text)


def set_up(database: str) -> None:
    """Configure Django for this database of the running test."""
    default = settings.DATABASES["default"]
    default["NAME"] = database
    if default["ENGINE"].endswith("sqlite3"):
        default["OPTIONS"] = {"timeout": 60, "init_command": "PRAGMA synchronous=OFF;"}
    settings.THREADLESS = {
        **settings.THREADLESS,
        "BACKENDS": {
            "default": {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": answer}}
        },
        "TOKEN_COUNTER": count_letters,
        "BUDGET_PROMPT_MARGIN": 0,
        "CONCURRENT_CALLS_PER_KEY": None,
    }
    django.setup()


def call(secret: str, kind: str) -> tuple[int, str | None]:
    """One call, to its end. Like an SDK it tries again after a 503: a counter was locked for two seconds."""
    from django.db import connections

    from threadless.testing import CompletionClient, read_events

    fields: dict[str, Any] = {"stream": True} if kind == "streams" else {"max_tokens": len(OUTPUT)}
    client = CompletionClient(secret, raise_request_exception=False)
    while (response := client.complete("small", "Hi", **fields)).status_code == 503:
        time.sleep(float(response.headers["Retry-After"]))
    error: Any = read_events(response).error if response.streaming else response.json().get("error")
    connections.close_all()
    return response.status_code, error and error["code"]


def main(database: str, secret: str, kind: str) -> None:
    set_up(database)
    from threadless.calls.running import wait_for_calls

    go, answers = threading.Event(), []

    def run() -> None:
        go.wait()
        answers.append(call(secret, kind))

    threads = [threading.Thread(target=run) for _ in range(STREAMS if kind == "streams" else PLAIN_CALLS)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    go.set()
    for thread in threads:
        thread.join()
    wait_for_calls(30)
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
