"""The threads that run calls. A few idle ones wait for the next call."""

from __future__ import annotations

from typing import Final

from threadless.server.process import reset_after_fork
from threadless.server.threads import Threads

threads: Final = Threads("threadless-call", max_idle=8)
reset_after_fork(threads.reset)
