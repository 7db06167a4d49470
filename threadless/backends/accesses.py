"""Upstreams by their credentials, for a backend whose address and key depend on who calls.

Nothing that is kept for one access serves another: connections, addresses, secrets to redact, what was learned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from django.utils.module_loading import import_string

from threadless.backends.upstream import Upstream
from threadless.db.connections import release_connections
from threadless.exceptions import NO_RETRY, InvalidBackend, UpstreamError
from threadless.server import timeouts
from threadless.setting_types import is_dotted_path
from threadless.types import Caller, Credentials, Target

_UNUSED_SECONDS: Final = 60.0

CredentialsFunction: TypeAlias = Callable[[Caller, Target], Credentials]
FindAccess: TypeAlias = "Callable[[Caller, Target], Access]"


class Access:
    """An upstream with one set of credentials, and what was learned about it."""

    __slots__ = ("asks_for_usage", "upstream", "used_at")

    def __init__(self, upstream: Upstream, *, asks_for_usage: bool) -> None:
        self.upstream = upstream
        self.asks_for_usage = asks_for_usage
        """Whether a stream asks for its usage. False once the upstream has refused that."""
        self.used_at = 0.0


class AccessPool:
    """The accesses that a host's function chooses, each made at its first call.

    At most `max_size` are kept, and none that was unused for a minute. Their idle connections are closed with them;
    calls that are still running over an access keep it until their end.
    """

    def __init__(
        self,
        alias: str,
        function: str | CredentialsFunction,
        make: Callable[[Credentials], Access],
        *,
        max_size: int = 1000,
        clock: Callable[[], float] = timeouts.clock,
    ) -> None:
        self._alias = alias
        self._function = _import(alias, function)
        self._make = make
        self._max_size = max_size
        self._clock = clock
        self._kept: dict[Any, Access] = {}
        """In the order of their last use."""
        self._is_scheduled = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """The number of accesses that are kept."""
        return len(self._kept)

    def find(self, caller: Caller, target: Target) -> Access:
        """The access for this call. Raises what the function raises, and `UpstreamError` for invalid credentials."""
        credentials = self._ask(caller, target)
        key = self._identify(credentials)
        with self._lock:
            access = self._kept.get(key)
        if access is None:
            access = self._try_to_make(credentials)
        with self._lock:
            access = self._kept.pop(key, access)
            self._kept[key] = access
            access.used_at = self._clock()
            while len(self._kept) > self._max_size:
                del self._kept[next(iter(self._kept))]
            self._schedule()
        return access

    def drop_unused(self) -> None:
        """Forget what was unused for a minute."""
        with self._lock:
            self._is_scheduled = False
            limit = self._clock() - _UNUSED_SECONDS
            for key in [key for key, access in self._kept.items() if access.used_at <= limit]:
                del self._kept[key]
            if self._kept:
                self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            timeouts.call_later(self.drop_unused, _UNUSED_SECONDS)

    def _ask(self, caller: Caller, target: Target) -> Credentials:
        credentials: Any = self._function(caller, target)
        # The function may have made a query, and an upstream can be slow.
        release_connections(keep_files=True)
        if not isinstance(credentials, Credentials):
            found = type(credentials).__name__
            raise InvalidBackend(f"Backend {self._alias!r}: credentials must return a Credentials, not a {found}.")
        return credentials

    def _identify(self, credentials: Credentials) -> Any:
        try:
            key = (credentials.base_url, credentials.api_key, frozenset(credentials.headers.items()))
            hash(key)
        except (AttributeError, TypeError):
            fault = "credentials returned a Credentials with a field of the wrong type"
            raise InvalidBackend(f"Backend {self._alias!r}: {fault}.") from None
        return key

    def _try_to_make(self, credentials: Credentials) -> Access:
        try:
            return self._make(credentials)
        except InvalidBackend as error:
            fault = str(error)
        failure = UpstreamError(headers=NO_RETRY)
        failure.log_detail = fault
        raise failure


def _import(alias: str, function: str | CredentialsFunction) -> CredentialsFunction:
    found: Any = None
    if callable(function):
        found = function
    elif is_dotted_path(function):
        try:
            found = import_string(function)
        except ImportError as error:
            raise InvalidBackend(f"Backend {alias!r}: credentials cannot be imported: {error}.") from None
    if not callable(found):
        raise InvalidBackend(f"Backend {alias!r}: credentials must be a function or its dotted path.")
    return found  # type: ignore[no-any-return]
