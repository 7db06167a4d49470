"""`python -m benchmarks.rig`: two nodes of two workers behind nginx, on one PostgreSQL and one Redis.

Budgets, limits, revocation and the ledger must be exact across the nodes, also while one of them is killed; first with
direct connections to PostgreSQL, then through PgBouncer in transaction mode. Ends with 1 on any difference. Needs
`nginx`, `pgbouncer`, `redis-server` and the PostgreSQL server in `BENCH_POSTGRESQL_URL`.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks import payloads, rig_machines
from benchmarks.__main__ import RESULTS, mock_upstream
from benchmarks.databases import Server
from benchmarks.rig_machines import Rig

CALLS, PAID, ADMITTED, STREAMS = 200, 57, 40, 24
Check = tuple[str, Any, Any]
"""What is compared, what is expected, what was found."""


def main() -> int:
    found: list[tuple[str, Check]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="threadless-rig-")))
        folder.chmod(0o755)  # PgBouncer runs as another user
        _, upstream = stack.enter_context(mock_upstream(folder))
        database = Server()
        stack.callback(database.remove)
        _prepare(database.url)
        stack.callback(_close)
        for way in ("direct", "PgBouncer"):
            with rig_machines.started(folder / way, database.url, upstream, way) as rig:
                for check in _checks(rig, upstream):
                    found.append((way, check))
                    print(way, *check, "ok" if check[1] == check[2] else "DIFFERENT", flush=True)
    if "--write" in sys.argv:
        (RESULTS / "rig.md").write_text(page(found))
    return int(any(expected != seen for _, (_, expected, seen) in found))


def _checks(rig: Rig, upstream: str) -> Iterator[Check]:
    requests.get(f"{upstream}/ids", timeout=10)  # clears the list
    yield from budget(rig)
    yield from limit(rig)
    yield from revocation(rig)
    yield from kill(rig, upstream)


def budget(rig: Rig) -> Iterator[Check]:
    """Parallel calls against a budget that pays for some of them."""
    from threadless.budgets import api

    pk, secret = _key()
    api.set_budget(api.key(pk), "calls", "total", PAID)
    statuses = Counter(_parallel(partial(_call, rig.url, secret), CALLS))
    yield f"{CALLS} calls, a budget for {PAID}", {200: PAID, 429: CALLS - PAID}, dict(sorted(statuses.items()))
    [state] = api.budgets_of([api.key(pk)])
    yield "spent and reserved", (PAID, 0), (state.spent, state.reserved)
    yield "rows of the key", PAID, _rows(key_id=pk).count()


def limit(rig: Rig) -> Iterator[Check]:
    """Parallel calls against a limit per minute."""
    _, secret = _key(requests_per_minute=ADMITTED)
    statuses = Counter(_parallel(partial(_call, rig.url, secret), CALLS))
    expected = {200: ADMITTED, 429: CALLS - ADMITTED}
    yield f"{CALLS} calls, {ADMITTED} a minute", expected, dict(sorted(statuses.items()))


def revocation(rig: Rig) -> Iterator[Check]:
    """A revoked key is refused by both nodes at once."""
    from project.accounts.models import ApiKey

    pk, secret = _key()
    before = [_call(node, secret) for node in rig.nodes]
    ApiKey.objects.get(pk=pk).revoke()
    yield "before and after the revocation", ([200, 200], [401, 401]), (before, [_call(n, secret) for n in rig.nodes])


def kill(rig: Rig, upstream: str) -> Iterator[Check]:
    """Streams run on both nodes when one is killed. Its calls are swept, the others end as usual."""
    from django.db.models import Sum
    from django.utils import timezone

    from threadless.budgets import api
    from threadless.budgets.known import KEPT_SECONDS
    from threadless.usage.sweep import sweep

    pk, secret = _key()
    api.set_budget(api.key(pk), "tokens", "total", 10_000_000)
    time.sleep(KEPT_SECONDS + 1)  # a process may take that long to learn of a new budget
    with ThreadPoolExecutor(STREAMS) as threads:
        streams = [threads.submit(_call, rig.url, secret, payloads.PACED) for _ in range(STREAMS)]
        rig_machines.wait(lambda: _rows(key_id=pk).count() == STREAMS, 30)
        rig.kill_one()
        during = _parallel(partial(_call, rig.url, secret), 20)
        ended = Counter(stream.result() for stream in streams)
    yield "plain calls after one node was killed", [200] * 20, during
    cut = STREAMS - ended[200]
    yield "a part of the streams was cut", True, 0 < cut < STREAMS
    # Instead of waiting for the deadline, a quarter of an hour.
    _rows(state="open").update(deadline=timezone.now() - timedelta(minutes=1))
    yield "calls that the sweep marks", cut, sweep()
    yield "open rows after the sweep", 0, _rows(state="open").count()
    rows = _rows(key_id=pk)
    summed = rows.filter(state="completed").aggregate(
        prompt=Sum("prompt_tokens", default=0), completion=Sum("completion_tokens", default=0)
    )
    [state] = api.budgets_of([api.key(pk)])
    yield "spent is the sum of the rows, nothing is reserved", (sum(summed.values()), 0), (state.spent, state.reserved)
    seen = requests.get(f"{upstream}/ids", timeout=10).text.split()
    recorded = list(_rows(request_id__in=seen).values_list("request_id", flat=True))
    yield "calls that the upstream saw are rows", sorted(seen), sorted(recorded)


def _call(url: str, secret: str, kind: str = payloads.JSON) -> int:
    """The status; 0 if the connection broke or the stream ended without its last event."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    path = f"{url}/api/v1/chat/completions"
    try:
        answer = requests.post(path, data=payloads.request_body(kind), headers=headers, timeout=60)
    except requests.RequestException:
        return 0
    return answer.status_code if kind not in payloads.STREAMS or b"[DONE]" in answer.content else 0


def _parallel(run: Callable[[], int], number: int) -> list[int]:
    with ThreadPoolExecutor(number) as threads:
        return [each.result() for each in [threads.submit(run) for _ in range(number)]]


def _prepare(url: str) -> None:
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    from django import setup
    from django.core.management import call_command

    from tests.support.prepare_host import make_key

    setup()
    call_command("migrate", verbosity=0)
    make_key()


def _key(**fields: Any) -> tuple[str, str]:
    """Id and secret of a new key."""
    from django.contrib.auth import get_user_model

    from project.accounts.models import ApiKey

    user = get_user_model().objects.get(username="alice")
    key, secret = ApiKey.objects.issue(name="rig", user=user, scopes=["CHATS:WRITE"], **fields)
    return str(key.pk), secret


def _rows(**filters: Any) -> Any:
    from threadless.models import UsageRecord

    return UsageRecord.objects.filter(**filters)


def _close() -> None:
    from django.db import connections

    for each in connections.all():
        each.close()


def page(found: list[tuple[str, Check]]) -> str:
    """The results as Markdown."""
    lines = [
        "# Two nodes",
        "",
        "Two nodes of two workers behind nginx, one PostgreSQL, one Redis: `python -m benchmarks.rig --write`.",
        "",
        "| connections | compared | expected | found |",
        "|---|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {way} | {name} | {_short(a)} | {_short(b)} |" for way, (name, a, b) in found), ""])


def _short(value: Any) -> str:
    return f"{len(value)} items" if isinstance(value, list) and len(value) > 5 else str(value)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
