"""Tenants that call at once: each call runs in the context of its own tenant, and with its credentials."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers.rig import Rig, rig
from tests.support.client import Client, Reply, body_of
from tests.support.upstream import Exchange, answer_normally

CALLS = 12


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def tenants(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A host whose calls are surrounded by a context."""
    folder: Path = tmp_path_factory.mktemp("host")
    backend = {"OPTIONS": {"credentials": "tests.servers.tenants.credentials"}}
    settings = {"CALL_CONTEXT": "tests.servers.tenants.call_context"}
    with rig(request.param, folder, THREADLESS=settings, BACKEND=backend) as made:
        yield made


def ask(tenants: Rig, name: str, *, is_stream: bool) -> Reply:
    with Client(tenants.server.port, tenants.host.key) as client:
        return client.post(body_of(name, stream=is_stream), X_Request_Id=name)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_calls_at_once_have_the_context_of_their_own_tenant(tenants: Rig, is_stream: bool) -> None:
    def answer_together(exchange: Exchange) -> None:
        tenants.upstream.wait_for(CALLS)
        answer_normally(exchange)

    tenants.upstream.forget()
    tenants.upstream.script(answer_together)
    with ThreadPoolExecutor(CALLS) as pool:
        replies = list(pool.map(lambda number: ask(tenants, f"t{number}", is_stream=is_stream), range(CALLS)))

    assert {reply.status for reply in replies} == {200}
    sent = {each.body["messages"][-1]["content"]: each.headers["Authorization"] for each in tenants.upstream.exchanges}
    assert sent == {f"t{number}": f"Bearer key-of-t{number}" for number in range(CALLS)}
