"""Signals about calls and keys. Django logs a receiver that fails; the call is not affected.

All are sent in a thread that serves the call, so a slow receiver delays it.
"""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

call_opened: Final = Signal()
"""A call has its row and is about to be sent upstream. Argument: `opening`, an `Opening`."""

call_settled: Final = Signal()
"""A call has ended and its row is final. Arguments: `opening`, and `outcome`, an `Outcome`."""

key_used: Final = Signal()
"""A key was accepted, for any request of ours. Arguments: `user`, and `caller`, a `Caller`."""
