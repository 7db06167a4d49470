"""The platform on uvicorn, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from tests.support.serving import free_port
from threadless.asgi import get_asgi_application


class Server(uvicorn.Server):
    """Tells when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.has_started.set()


@contextmanager
def serve() -> Iterator[str]:
    """The address of the API."""
    port = free_port()
    server = Server(uvicorn.Config(get_asgi_application(), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.has_started.wait(20)
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    with serve() as address:
        yield address
