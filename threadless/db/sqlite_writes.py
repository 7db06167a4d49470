"""Threads of this process write to SQLite one after the other.

SQLite has one writer at a time. Threads that find it locked try again and again, and so use more CPU time than their
statements: a JSON call at 32 connections took 1.8 times as much under uvicorn and gthread. Under gevent no other call
runs during a statement, unless that waits for another process.
"""

from __future__ import annotations

import os
from typing import Final

from threadless.turns import Turns

_WAIT_SECONDS: Final = 1.0
"""The one before may itself wait, for another process. After this time, a thread waits for SQLite instead."""

write_turns: Final = Turns(_WAIT_SECONDS)
os.register_at_fork(after_in_child=write_turns.reset)
