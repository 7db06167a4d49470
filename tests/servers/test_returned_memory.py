"""The memory of large requests goes back to the system, so that one busy hour does not decide a worker's size."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.serving import Server, prepared_host, serve
from tests.support.upstream import ScriptedUpstream

BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "word " * 3_000_000}]}).encode()
"""15 MB, just below the limit."""
MAY_REMAIN_MB = 60
"""If each of the twenty calls left its body behind, 300 MB would remain."""
SOON_SECONDS = 30.0
"""The heap is trimmed a few seconds after the last large body has been freed."""


def resident_mb(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) // 1024


def send(server: Server, key: str) -> int:
    with Client(server.port, key) as client:
        return client.post(BODY).status


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the size of a process is read from /proc")
@pytest.mark.parametrize("kind", ["gevent", "gthread", "uvicorn"])
def test_memory_of_large_requests_is_returned(kind: str, tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        host = prepared_host(tmp_path, UPSTREAM_BASE_URL=upstream.base_url, UPSTREAM_MODELS="small")
        # gunicorn's configuration has the same effect; it must not depend on this variable.
        variables = {"MALLOC_ARENA_MAX": "1"} if kind == "uvicorn" else {}
        with serve(kind, env=host.env | variables) as server, ThreadPoolExecutor(4) as senders:
            worker = (server.worker_ids() or [server.process.pid])[0]
            before = resident_mb(worker)
            assert set(senders.map(lambda _: send(server, host.key), range(20))) == {200}
            deadline = time.monotonic() + SOON_SECONDS
            while resident_mb(worker) - before >= MAY_REMAIN_MB and time.monotonic() < deadline:
                time.sleep(0.05)
            assert resident_mb(worker) - before < MAY_REMAIN_MB
