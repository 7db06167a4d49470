"""One server process of several: tries to be admitted, prints how often it was, and then waits for its end.

`python -m tests.calls.limited_process requests|calls CACHE PREFIX LIMIT ATTEMPTS`
"""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

from tests.support.limits import MEMCACHED, REDIS_URL
from threadless.types import Caller, Limits

SHARED = {
    "redis": {"BACKEND": "tests.support.closing_caches.ClosingRedisCache", "LOCATION": REDIS_URL},
    "memcached": {"BACKEND": "tests.support.closing_caches.ClosingMemcachedCache", "LOCATION": MEMCACHED},
}


def caches(kind: str, prefix: str) -> dict[str, dict[str, str]]:
    """The cache that all processes share, with this prefix for its keys."""
    return {"default": SHARED[kind] | {"KEY_PREFIX": prefix}}


def caller(limit: int) -> Caller:
    """A key of an account with this limit of requests and of concurrent calls."""
    return Caller(
        user_id=None,
        key_id="7",
        account="acme",
        account_limits=Limits(requests_per_minute=limit, concurrent_calls=limit),
    )


def is_admitted(unit: str, who: Caller) -> bool:
    """One attempt. An admitted call keeps running."""
    from threadless.calls.limits import RequestRateGate, SharedConcurrencyGate
    from threadless.exceptions import RateLimited

    call: Any = SimpleNamespace(caller=who)
    try:
        if unit == "requests":
            RequestRateGate().knock(who)
        else:
            SharedConcurrencyGate().admit(call)
    except RateLimited:
        return False
    return True


def main() -> None:
    """Begin when the first line arrives on stdin, and end at its end."""
    unit, cache, prefix, limit, attempts = sys.argv[1:]
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    settings.CACHES = caches(cache, prefix)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(is_admitted(unit, caller(int(limit))) for _ in range(int(attempts))), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
