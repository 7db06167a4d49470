"""Settings of the platform that concern our endpoints less, or more, than one expects: throttles and databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache import cache as default_cache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections

from threadless.conf import conf
from threadless.doctor.finding import Finding, warning

_PGBOUNCER_PORT: Final = "6432"
_PGBOUNCER: Final = "pgbouncer"


def check_throttles() -> Iterator[Finding]:
    """Throttles of Django REST framework: which ones apply to our endpoints, and where they count."""
    own = [getattr(throttle, "__name__", str(throttle)) for throttle in conf.throttle_classes]
    others = (conf.of_django("REST_FRAMEWORK") or {}).get("DEFAULT_THROTTLE_CLASSES") or ()
    if others and not own:
        yield warning(
            "throttles",
            "REST_FRAMEWORK['DEFAULT_THROTTLE_CLASSES'] does not apply to our endpoints.",
            "Our views do not read REST_FRAMEWORK, so calls are not counted by the platform's throttles.",
            "Use REQUESTS_PER_MINUTE and the limits of keys, or list the classes in THROTTLE_CLASSES.",
        )
    used = [getattr(throttle, "cache", default_cache) for throttle in conf.throttle_classes]
    if any(isinstance(caches[DEFAULT_CACHE_ALIAS] if cache is default_cache else cache, LocMemCache) for cache in used):
        yield warning(
            "throttles",
            f"{', '.join(own)} count in a cache that belongs to one process.",
            "With several server processes, each allows the full rate.",
            "Name a cache that all processes share, or use REQUESTS_PER_MINUTE.",
        )


def check_transactions() -> Iterator[Finding]:
    """`ATOMIC_REQUESTS`, and PgBouncer, which is known by its port or by its name."""
    for alias in connections:
        database = connections[alias].settings_dict
        if database.get("ATOMIC_REQUESTS"):
            yield warning(
                "database",
                f"Database {alias!r} has ATOMIC_REQUESTS.",
                "Our endpoints are exempt. The platform's own chats hold a transaction while they wait for a model.",
                "Mark the views of such chats with `transaction.non_atomic_requests`.",
            )
        if is_behind_pgbouncer(database) and not database.get("DISABLE_SERVER_SIDE_CURSORS"):
            yield warning(
                "database",
                f"Database {alias!r} is behind PgBouncer, and DISABLE_SERVER_SIDE_CURSORS is not set.",
                "In transaction mode, an export fails when its next rows come from another connection.",
                "Set DISABLE_SERVER_SIDE_CURSORS = True, unless PgBouncer is in session mode.",
            )


def is_behind_pgbouncer(database: Any) -> bool:
    """Whether the port or the name of the host is PgBouncer's."""
    return str(database.get("PORT")) == _PGBOUNCER_PORT or _PGBOUNCER in str(database.get("HOST")).lower()
