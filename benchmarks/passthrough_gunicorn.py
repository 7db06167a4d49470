# ruff: noqa: F403
"""Gunicorn for the pass-through: the host's settings and its rare garbage collection, without what needs Django."""

from __future__ import annotations

import gc
from typing import Any

from threadless.contrib.gunicorn import *


def post_worker_init(worker: Any) -> None:  # type: ignore[no-redef]
    """As in the host: garbage collection becomes less frequent."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def child_exit(server: Any, worker: Any) -> None:  # type: ignore[no-redef]
    """There are no calls to mark."""
