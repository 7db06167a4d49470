"""The canned upstream of the example host, running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from project.canned_upstream import CannedUpstream


@contextmanager
def serve(api_key: str) -> Iterator[CannedUpstream]:
    """Serve on loopback until the end of the block."""
    with CannedUpstream(0, api_key) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
