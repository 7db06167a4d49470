"""All checks that need no address: what `manage.py check` cannot see, because it asks no cache and no database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from threadless.doctor.finding import Finding, error
from threadless.doctor.keys import check_keys
from threadless.doctor.storage import check_cache, check_clock, check_database, check_sweep
from threadless.doctor.surroundings import check_throttles, check_transactions
from threadless.doctor.web import check_middleware, check_proxy, check_refusal

CHECKS: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    check_middleware,
    check_refusal,
    check_proxy,
    check_throttles,
    check_cache,
    check_database,
    check_transactions,
    check_clock,
    check_sweep,
    check_keys,
)


def examine() -> Iterator[Finding]:
    """The findings of every check. A check that fails is a finding, and the others still run."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as failure:  # noqa: BLE001 (of the host's code, or of a database that is away)
            yield error(
                "doctor",
                f"{check.__name__} could not run ({type(failure).__name__}).",
                "What it looks at does not work.",
                "Correct the findings above first, and run `manage.py check`.",
            )
