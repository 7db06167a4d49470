"""Work of about once a minute that may take longer than a sweep: that of ledger hooks, and deleting old records."""

from __future__ import annotations

import logging
import threading

from django.db import router

from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.db.tenants import keep_tenants
from threadless.server.process import reset_after_fork
from threadless.usage.hooks import LedgerHook, ledger_hooks
from threadless.usage.models import UsageRecord
from threadless.usage.purge import purge_sometimes

logger = logging.getLogger("threadless.usage")

THREAD_NAME = "threadless-upkeep"

_running = threading.Lock()
"""Held while the thread of this process works."""


def upkeep(using: str | None = None) -> None:
    """Do the work now. Its errors are logged."""
    using = using or router.db_for_write(UsageRecord)
    for hook in ledger_hooks():
        try:
            hook.sweeping(using)
        except Exception:  # the work of other hooks must still be done
            logger.exception("The ledger hook %r failed while sweeping.", hook.name)
    try:
        purge_sometimes(using)
    except Exception:
        logger.exception("Old usage records could not be deleted.")


def start_upkeep(using: str) -> None:
    """Do the work in a thread, so that no call waits for it. Nothing happens while the previous thread still works."""
    if _has_work() and _running.acquire(blocking=False):
        threading.Thread(target=keep_tenants(_work), args=(using,), name=THREAD_NAME, daemon=True).start()


def _has_work() -> bool:
    return conf.keep_records_days is not None or any(
        type(hook).sweeping is not LedgerHook.sweeping for hook in ledger_hooks()
    )


def _work(using: str) -> None:
    running = _running
    try:
        upkeep(using)
    finally:
        release_connections()
        running.release()


@reset_after_fork
def _reset() -> None:
    """The thread of the parent does not exist here."""
    global _running
    _running = threading.Lock()
