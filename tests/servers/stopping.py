"""Parts of a host that stop their own server, at points of a call that a signal from outside cannot hit reliably."""

from __future__ import annotations

import os
import signal

from project.gateway import PlatformResolver
from threadless.types import Caller, Target
from threadless.usage.recorder import DatabaseUsageRecorder, Entry, Opening


class StoppingResolver(PlatformResolver):
    """Before the call is open."""

    def resolve(self, name: str, caller: Caller) -> Target:
        os.kill(os.getpid(), signal.SIGTERM)
        return super().resolve(name, caller)


class StoppingRecorder(DatabaseUsageRecorder):
    """While the call is being opened."""

    def open(self, opening: Opening) -> Entry:
        os.kill(os.getpid(), signal.SIGTERM)
        return super().open(opening)
