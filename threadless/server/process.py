"""State of one process: what must be reset after a fork, and what must run at exit."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from enum import IntEnum
from typing import Final

logger = logging.getLogger("threadless")

Hook = Callable[[], None]


class ExitStage(IntEnum):
    """The order at exit. Calls must end before the last settlements are written."""

    CALLS = 1
    SETTLEMENTS = 2


_reset_hooks: Final[list[Hook]] = []
_exit_hooks: Final[list[tuple[ExitStage, Hook]]] = []


def reset_after_fork(hook: Hook) -> Hook:
    """Call `hook` in the child of every fork. Threads, locks and connections belong to the parent."""
    _reset_hooks.append(hook)
    return hook


def at_exit(hook: Hook, stage: ExitStage) -> None:
    """Call `hook` when the process ends, after the hooks of earlier stages."""
    _exit_hooks.append((stage, hook))


def _reset() -> None:
    for hook in _reset_hooks:
        hook()


def run_exit_hooks() -> None:
    """What happens when Python ends. May be called before, where the process would end in another way."""
    for _, hook in sorted(_exit_hooks, key=lambda entry: entry[0]):
        try:
            hook()
        except Exception:  # the other hooks must still run
            logger.exception("An exit hook failed.")


os.register_at_fork(after_in_child=_reset)
atexit.register(run_exit_hooks)
