"""A database that fails once when a call is settled, if a test wants it."""

import threading
from typing import Any

from django.db import OperationalError

from threadless.usage.hooks import LedgerHook

is_expected = threading.Event()


class Outage(LedgerHook):
    """Fails at the next settlement."""

    name = "outage"

    def settling(self, *args: Any, **kwargs: Any) -> None:
        if is_expected.is_set():
            is_expected.clear()
            raise OperationalError("The database has gone.")
