"""The example host on gunicorn with gevent and on uvicorn, started once, before a scripted upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.ledger import Ledger
from tests.support.serving import Host, Server, prepared_host, serve
from tests.support.upstream import UPSTREAM_KEY, ScriptedUpstream
from tests.wire.cases.calling import CaseServer


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(session_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """Answers as usual, and has not been asked anything."""
    session_upstream.forget()
    return session_upstream


@pytest.fixture(scope="session")
def host(session_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Host:
    return prepared_host(
        tmp_path_factory.mktemp("host"),
        UPSTREAM_BASE_URL=session_upstream.base_url,
        UPSTREAM_API_KEY=UPSTREAM_KEY,
        UPSTREAM_MODELS="small=private-deployment-7",
        UPSTREAM_TIMEOUT="1.5",
    )


@pytest.fixture(scope="session")
def gunicorn_server(host: Host) -> Iterator[Server]:
    with serve("gevent", env=host.env) as server:
        yield server


@pytest.fixture(scope="session")
def uvicorn_server(host: Host) -> Iterator[Server]:
    with serve("uvicorn", env=host.env) as server:
        yield server


@pytest.fixture(params=["gunicorn", "uvicorn"])
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each of both."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def client(gunicorn_server: Server, host: Host, upstream: ScriptedUpstream) -> Iterator[Client]:
    """Talks to the recommended server."""
    with Client(gunicorn_server.port, host.key) as client:
        yield client


@pytest.fixture
def any_client(any_server: Server, host: Host, upstream: ScriptedUpstream) -> Iterator[Client]:
    """Talks to each of both servers."""
    with Client(any_server.port, host.key) as client:
        yield client


@pytest.fixture
def ledger(host: Host) -> Ledger:
    """The host's usage rows."""
    return Ledger(host.env["DATABASE_URL"])


@pytest.fixture(scope="session")
def case_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseServer]:
    """The host of `tests/wire/cases`, and its upstream."""
    with ScriptedUpstream() as upstream:
        host = prepared_host(tmp_path_factory.mktemp("cases"), UPSTREAM_BASE_URL=upstream.base_url)
        with serve("gevent", env=host.env, settings="tests.wire.cases.host") as server:
            yield CaseServer(host=host, server=server, upstream=upstream)
