"""`Ownership`: who must end a call, and what that takes.

Like `contextlib.ExitStack`, which can be handed over too. But here an exit function that fails is logged, and the
following ones still see how the block itself ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Self

logger = logging.getLogger("threadless")


class Ownership:
    """Runs exit functions in reverse order when its block ends in any way, unless it was handed over before."""

    __slots__ = ("_exits",)

    def __init__(self) -> None:
        self._exits: list[Callable[[BaseException | None], bool | None]] = []

    def add(self, exit_function: Callable[[BaseException | None], bool | None]) -> None:
        """Call this at the end, with the exception that ended the block. True keeps the exception from leaving it.

        An exit function that fails is logged, and the others still run.
        """
        self._exits.append(exit_function)

    def hand_over(self) -> Self:
        """A new ownership with all exit functions; this one keeps none."""
        taken = type(self)()
        taken._exits, self._exits = self._exits, []
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        is_kept, interruption = False, None
        while self._exits:
            try:
                is_kept = bool(self._exits.pop()(error)) or is_kept
            except Exception:
                logger.exception("The end of a call failed in part.")
            except BaseException as failure:
                logger.exception("The end of a call was interrupted.")
                interruption = failure
        if interruption is not None:
            raise interruption
        return is_kept
