"""Calls of the example host within one process, without a server: `python -m benchmarks.inprocess KIND`.

`benchmarks.instructions` and profilers run this, because its counts are the same in each run. For each line of its
input it makes that many calls and prints "done". The line "functions" makes one call and prints how many Python
functions of each package it called; the line "queries" prints its SQL.

The upstream is another process; its address is in `UPSTREAM_BASE_URL`, the database in `DATABASE_URL`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from benchmarks import payloads, processes
from benchmarks.verify import fault

WITHOUT_BUDGETS: Final = "json-without-budgets"
"""A JSON call of a host that has not installed `threadless.budgets`."""
ONE_BUDGET: Final = "json-one-budget"
"""A JSON call of a caller with one budget. For the kind `json` the app is installed, and the caller has none."""
KINDS: Final = (
    payloads.JSON,
    WITHOUT_BUDGETS,
    ONE_BUDGET,
    payloads.LARGE,
    payloads.AGENT,
    payloads.BURST,
    payloads.AGENT_STREAM,
)


def prepare(kind: str = payloads.JSON) -> tuple[Callable[..., Any], str]:
    """The WSGI application of the host on a new database, and an API key."""
    module = "settings_without_budgets" if kind == WITHOUT_BUDGETS else "settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = f"benchmarks.{module}"
    from django import setup
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command

    from tests.support.prepare_host import make_key

    setup()
    call_command("migrate", verbosity=0)
    if kind == ONE_BUDGET:
        from threadless.budgets import api

        api.set_budget(api.PLATFORM, "tokens", "month", 10**12)
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
    """The SQL statements of a call, in all its threads."""
    from django.db.backends.utils import CursorWrapper

    sent: list[str] = []
    execute: Any = CursorWrapper.execute

    def noting(self: Any, sql: str, params: Any = None) -> Any:
        sent.append(sql)
        return execute(self, sql, params)

    CursorWrapper.execute = noting  # type: ignore[method-assign, assignment]
    try:
        one_call()
    finally:
        CursorWrapper.execute = execute  # type: ignore[method-assign]
    return sent


def main() -> None:
    kind = sys.argv[1]
    application, key = prepare(kind)
    kind = payloads.JSON if kind in (WITHOUT_BUDGETS, ONE_BUDGET) else kind
    gc.disable()  # a garbage collection would affect one call and not the next

    def one_call() -> None:
        if wrong := fault(kind, call(application, kind, key)):
            sys.exit(wrong)

    print("ready", flush=True)
    for line in sys.stdin:
        if line == "functions\n":
            print(json.dumps(functions(lambda: call(application, kind, key))), flush=True)
        elif line == "queries\n":
            print(json.dumps(queries(one_call)), flush=True)
        else:
            for _ in range(int(line)):
                one_call()
            print("done", flush=True)


if __name__ == "__main__":
    main()
