"""The doctor's live checks, against real servers: alone, behind proxies, with a broken upstream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import nginx as proxy
from tests.servers.rig import Rig, rig
from tests.support.bodies import chunks_of
from tests.support.serving import ROOT
from tests.support.upstream import Exchange

needs_nginx = pytest.mark.skipif(proxy.PROGRAM is None, reason="nginx is not installed")
COLLECTING = """location / { proxy_pass http://platform; proxy_set_header Host $host; proxy_buffering on;
    proxy_ignore_headers X-Accel-Buffering; proxy_buffers 16 64k; proxy_buffer_size 64k; }"""
"""Speaks HTTP/1.0 to the server, as nginx does by default; such an answer has no pieces that nginx would pass on."""


@pytest.fixture(scope="module", params=["gevent", "uvicorn"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(request.param, tmp_path_factory.mktemp("host")) as made:
        yield made


def speak_slowly(exchange: Exchange) -> None:
    """A stream of one second, whose client may leave."""
    exchange.start()
    for body in chunks_of(*"abcdefghij"):
        exchange.event(body)
        if exchange.wait_closed(0.1):
            return
    exchange.chunk(b"data: [DONE]\n\n")
    exchange.end()


def examine(served: Rig, *arguments: str, port: int = 0, key: str = "") -> tuple[int, dict[str, dict[str, str]]]:
    """Exit status, and the live findings by their subject."""
    url = f"http://127.0.0.1:{port or served.server.port}/api/v1"
    command = [sys.executable, "manage.py", "threadless_doctor", "--json", "--live", url, "--key", "-", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **served.host.env},
        input=key or served.host.key,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    assert served.host.key not in done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return done.returncode, {each["subject"]: each for each in found}


def test_installation_that_works_is_reported_as_such(served: Rig) -> None:
    served.upstream.script(speak_slowly)
    status, found = examine(served)
    assert {subject: found[subject]["level"] for subject in ("address", "stream", "ledger", "leaving")} == {
        "address": "ok",
        "stream": "ok",
        "ledger": "ok",
        "leaving": "ok",
    }
    assert "arrived one by one" in found["stream"]["what"]
    assert "was settled after" in found["leaving"]["what"]
    assert status == 0


@needs_nginx
def test_proxy_that_collects_streams_is_found(tmp_path: Path) -> None:
    with rig("gthread", tmp_path) as made:
        made.upstream.script(speak_slowly)
        with proxy.nginx(made.server.base_url, COLLECTING) as port:
            status, found = examine(made, port=port)
    assert (status, found["stream"]["level"]) == (1, "error")
    assert "arrived in one piece" in found["stream"]["what"]


@needs_nginx
def test_documented_proxy_passes(served: Rig) -> None:
    served.upstream.script(speak_slowly)
    with proxy.nginx(served.server.base_url, proxy.documented_location()) as port:
        _, found = examine(served, port=port)
    assert found["stream"]["level"] == "ok"


def test_key_that_is_refused_is_found(served: Rig) -> None:
    status, found = examine(served, key="tl_nonsense")
    assert (status, found["key"]["what"]) == (1, "The key is refused.")


def test_upstream_that_refuses_its_key_is_found(served: Rig) -> None:
    served.upstream.script(lambda exchange: exchange.answer({"error": {"message": "no", "code": "invalid_key"}}, 401))
    status, found = examine(served)
    assert (status, found["upstream"]["level"]) == (1, "error")
    assert "502 (upstream_error)" in found["upstream"]["what"]


def test_address_at_which_nobody_answers_is_found(served: Rig) -> None:
    started = time.monotonic()
    status, found = examine(served, port=1)
    assert (status, found["address"]["level"]) == (1, "error")
    assert time.monotonic() - started < 30
