"""Behind nginx with its default buffering: chunks arrive one by one, leaving is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import nginx as proxy
from tests.servers.rig import Rig, rig
from tests.servers.stepwise import stepper
from tests.support.bodies import chunk
from tests.support.upstream import Exchange

pytestmark = pytest.mark.skipif(proxy.PROGRAM is None, reason="nginx is not installed")


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A server; each test puts its nginx before it."""
    with rig(request.param, tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.mark.parametrize("location", [proxy.PLAIN_LOCATION, proxy.documented_location()], ids=["plain", "documented"])
def test_chunks_arrive_one_by_one_through_nginx(behind: Rig, location: str) -> None:
    script, read = stepper()
    behind.upstream.script(script)
    with proxy.nginx(behind.server.base_url, location) as port, behind.connect(port=port) as client:
        status, headers = client.post("steps", stream=True).read_head()
        seen = read(client)

    assert (status, headers["server"].partition("/")[0]) == (200, "nginx")
    assert b"fourth" in seen


@pytest.mark.parametrize("is_stream", [True, False])
def test_client_that_leaves_is_noticed_through_nginx(behind: Rig, is_stream: bool) -> None:
    def speak_or_not(exchange: Exchange) -> None:
        if is_stream:
            exchange.start()
            exchange.event(chunk({"content": "Hello"}))
        exchange.wait_closed(20)

    behind.upstream.forget()
    behind.upstream.script(speak_or_not)
    with proxy.nginx(behind.server.base_url) as port:
        with behind.connect(port=port) as client:
            client.post(f"leaving-{is_stream}", stream=is_stream)
            exchange = behind.upstream.wait_for(1)[0]
            assert not is_stream or client.read_until(b"Hello")
        assert exchange.wait_closed(10)

    assert behind.ledger.settled_row(f"leaving-{is_stream}")["state"] == "cancelled"
