"""The host's context manager around each call (the setting `CALL_CONTEXT`)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.exceptions import InvalidIntegration
from threadless.usage.base import Opening, Outcome


class CallInfo:
    """What the host's context manager knows about its call."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.outcome: Outcome | None = None
        """How the call ended. None until its row has been settled, which is before the context manager is left."""


class HostContext:
    """Enters the host's context manager in the thread that runs the backend, and leaves it in the same thread."""

    def __init__(self, opening: Opening) -> None:
        self.info = CallInfo(opening)
        self._manager: AbstractContextManager[Any] | None = None

    def enter(self) -> None:
        """Without the setting, do nothing. An exception of the host's ends the call before the upstream is called."""
        if conf.call_context is None:
            return
        manager: Any = conf.call_context(self.info)
        if not (hasattr(manager, "__enter__") and hasattr(manager, "__exit__")):
            found = type(manager).__name__
            raise InvalidIntegration(f"THREADLESS['CALL_CONTEXT'] must return a context manager, not a {found}.")
        manager.__enter__()
        self._manager = manager
        # The host may have made a query, and an upstream can be slow.
        release_connections(keep_files=True)

    def leave(self, error: BaseException | None) -> None:
        """Leave it if it was entered, with the exception that ended the call. It cannot change how the call ended."""
        manager, self._manager = self._manager, None
        del self.info  # its outcome refers to the failure, whose frames refer to the call
        if manager is not None:
            traceback = None if error is None else error.__traceback__
            manager.__exit__(None if error is None else type(error), error, traceback)
