"""An upstream, the example host and a server around it, ready to be called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.client import SECONDS, Connection
from tests.support.ledger import Ledger
from tests.support.serving import Host, Server, prepared_host, serve
from tests.support.upstream import UPSTREAM_KEY, ScriptedUpstream

SETTINGS = "tests.servers.settings"


@dataclass(kw_only=True)
class Rig:
    """A running server, its host and its upstream."""

    kind: str
    upstream: ScriptedUpstream
    host: Host
    server: Server

    @property
    def ledger(self) -> Ledger:
        """The host's usage rows."""
        return Ledger(self.host.env["DATABASE_URL"])

    def connect(self, *, port: int = 0, receive_buffer: int = 0, timeout: float = SECONDS) -> Connection:
        """A connection to the server, or to the proxy at `port`."""
        return Connection(port or self.server.port, self.host.key, receive_buffer=receive_buffer, timeout=timeout)


@contextmanager
def rig(
    kind: str,
    folder: Path,
    *,
    database_url: str = "",
    workers: int = 1,
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    prepare: Callable[[Host], None] | None = None,
    **settings: Any,
) -> Iterator[Rig]:
    """Running, from its first answer to the end of the block.

    `variables` are the host's own environment, `settings` those of `tests.servers.settings`. `prepare` is called
    before the server starts.
    """
    with ScriptedUpstream() as upstream:
        host = prepared_host(
            folder,
            database_url=database_url,
            settings=SETTINGS,
            UPSTREAM_BASE_URL=upstream.base_url,
            UPSTREAM_API_KEY=UPSTREAM_KEY,
            UPSTREAM_MODELS="small",
            TEST_SETTINGS=json.dumps(settings),
            **(variables or {}),
        )
        if prepare is not None:
            prepare(host)
        with serve(kind, env=host.env, workers=workers, options=options) as server:
            yield Rig(kind=kind, upstream=upstream, host=host, server=server)
