"""Calls of the example host within one process, without a server: `python -m benchmarks.inprocess KIND [KEY]`.

`benchmarks.instructions` and profilers run this. It prints an API key, which another process on the same database may
be given. For each line of its input it makes that many calls and prints "done"; after the word "marked", it also calls
a function of the C library before and after each of them, by which callgrind tells them apart. The line "functions"
makes one call and prints how many Python functions of each package it called; the line "queries" prints its SQL.

The upstream is another process; its address is in `UPSTREAM_BASE_URL`, the database in `DATABASE_URL`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from benchmarks import payloads, processes
from benchmarks.verify import fault

WITHOUT_BUDGETS: Final = "json-without-budgets"
"""A JSON call of a host that has not installed `threadless.budgets`."""
OTHER_BUDGET: Final = "json-other-budget"
"""A JSON call of a caller without a budget, while others have one. For the kind `json` the app is installed, and
nobody has one."""
ONE_BUDGET: Final = "json-one-budget"
"""A JSON call of a caller with one budget."""
KINDS: Final = (
    payloads.JSON,
    WITHOUT_BUDGETS,
    OTHER_BUDGET,
    ONE_BUDGET,
    payloads.LARGE,
    payloads.AGENT,
    payloads.BURST,
    payloads.AGENT_STREAM,
)


class Clock:
    """The clocks of this process. They stand still during a call, so that it does not meet another time of each timer.

    A call every 60 ms: after that time a connection to the upstream has rested. They start after 2.5 seconds of a piece
    of the rate windows, because in its first two seconds calls also read the piece before.
    """

    _PIECE_SECONDS: Final = 10
    _START_SECONDS: Final = 2.5
    _STEP_SECONDS: Final = 0.06

    def __init__(self) -> None:
        self._passed = 0.0
        now = time.time()
        start = now - now % self._PIECE_SECONDS + self._START_SECONDS
        monotonic = time.monotonic()
        time.time = lambda: start + self._passed
        time.monotonic = lambda: monotonic + self._passed

    def advance(self) -> None:
        """Until the next call."""
        self._passed += self._STEP_SECONDS


def prepare(kind: str = payloads.JSON, key: str | None = None) -> tuple[Callable[..., Any], str]:
    """The WSGI application of the host, and an API key. Without a key the database is new."""
    module = "settings_without_budgets" if kind == WITHOUT_BUDGETS else "settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = f"benchmarks.{module}"
    from django import setup
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command

    from tests.support.prepare_host import make_key

    setup()
    if key is not None:
        return WSGIHandler(), key
    call_command("migrate", verbosity=0)
    if kind in (OTHER_BUDGET, ONE_BUDGET):
        from threadless.budgets import api

        subject = api.PLATFORM if kind == ONE_BUDGET else api.account("of-another-caller")
        api.set_budget(subject, "tokens", "month", 10**12)
    return WSGIHandler(), make_key()


def environ_of(kind: str, key: str) -> dict[str, Any]:
    """The WSGI environ for a call of this kind."""
    body = payloads.request_body(kind)
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/api/v1/chat/completions",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_ACCEPT": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }


def call(application: Callable[..., Any], kind: str, key: str) -> bytes:
    """Make one call and return the answer as a server would write it, without chunked framing."""
    head: list[str] = []
    response = application(environ_of(kind, key), lambda status, headers, exc_info=None: head.append(status))
    body = b"".join(response)
    response.close()
    return f"HTTP/1.1 {head[0]}\r\n\r\n".encode() + body


def functions(one_call: Callable[[], object]) -> dict[str, int]:
    """The number of Python functions that a call enters, by package. Before Python 3.12, without existing threads."""
    watch: Any = getattr(threading, "setprofile_all_threads", threading.setprofile)
    counted: Counter[str] = Counter()

    def count(frame: Any, event: str, _: object) -> None:
        if event == "call":
            counted[_package(frame.f_code.co_filename)] += 1

    watch(count)
    sys.setprofile(count)
    try:
        one_call()
    finally:
        sys.setprofile(None)
        watch(None)
    return dict(counted.most_common())


def _package(path: str) -> str:
    """The package of a file, or "standard library"."""
    _, found, rest = path.rpartition("site-packages/")
    if found:
        return rest.partition("/")[0]
    own = path.removeprefix(f"{processes.ROOT}/")
    return own.partition("/")[0] if own != path else "standard library"


def queries(one_call: Callable[[], object]) -> list[str]:
    """The SQL statements of a call, in this thread."""
    from django.db import connection

    sent: list[str] = []

    def noting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noting):
        one_call()
    return sent


def main() -> None:
    kind, *keys = sys.argv[1:]
    clock = Clock()
    # Request IDs are the same in each run: their places in an index decide how much a database has to do.
    os.urandom = random.Random(len(keys)).randbytes
    application, key = prepare(kind, *keys)
    kind = payloads.JSON if kind in (WITHOUT_BUDGETS, OTHER_BUDGET, ONE_BUDGET) else kind
    gc.disable()  # a garbage collection would affect one call and not the next

    def one_call() -> None:
        clock.advance()
        if wrong := fault(kind, call(application, kind, key)):
            sys.exit(wrong)

    print(key, flush=True)
    for line in sys.stdin:
        print(_answer(line.split(), one_call), flush=True)


def _answer(words: list[str], one_call: Callable[[], None]) -> str:
    """Do what a line of the input says."""
    if words == ["functions"]:
        return json.dumps(functions(one_call))
    if words == ["queries"]:
        return json.dumps(queries(one_call))
    is_marked = words[0] == "marked"
    for _ in range(int(words[-1])):
        if is_marked:
            os.getppid()
        one_call()
    if is_marked:
        os.getppid()
    return "done"


if __name__ == "__main__":
    main()
