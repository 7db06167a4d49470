"""`AccessPool`: one upstream for each set of credentials, bounded, and closed when it is not used."""

from __future__ import annotations

import gc
import select

import pytest

from tests.support.clock import Clock
from tests.support.upstream import ScriptedUpstream
from threadless.backends.accesses import Access, AccessPool
from threadless.backends.upstream import Limits, Timeouts, Upstream
from threadless.types import Caller, Credentials, Target

MODEL = Target(id="small", model="small")
WAIT = 10


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accesses(upstream: ScriptedUpstream, clock: Clock) -> AccessPool:
    """Keeps two accesses to one upstream."""

    def make(given: Credentials) -> Access:
        made = Upstream(
            upstream.base_url, api_key=given.api_key, timeouts=Timeouts(WAIT, WAIT, WAIT), limits=Limits(1000, 1000)
        )
        return Access(made, asks_for_usage=True)

    def by_user(caller: Caller, target: Target) -> Credentials:
        return Credentials(api_key=f"key-{caller.user_id}")

    return AccessPool("default", by_user, make, max_size=2, clock=clock)


def find(accesses: AccessPool, user_id: int) -> Access:
    return accesses.find(Caller(user_id=user_id), MODEL)


def send(access: Access) -> None:
    with access.upstream.post(b"{}") as response:
        response.read()


def is_open(upstream: ScriptedUpstream, number: int) -> bool:
    """Whether the connection of this exchange is still open."""
    gc.collect()
    poll = select.poll()
    try:
        poll.register(upstream.exchanges[number].sock, select.POLLRDHUP)
        return not poll.poll(0)
    except (OSError, ValueError):  # the upstream has noticed it and closed its own side
        return False


def test_equal_credentials_have_one_access(accesses: AccessPool) -> None:
    assert find(accesses, 1) is find(accesses, 1)
    assert find(accesses, 1) is not find(accesses, 2)


def test_least_recently_used_access_is_dropped_and_its_connections_are_closed(
    accesses: AccessPool, upstream: ScriptedUpstream
) -> None:
    for user_id in (1, 2, 1, 3):
        send(find(accesses, user_id))
    assert len(accesses) == 2
    assert [is_open(upstream, number) for number in range(4)] == [True, False, True, True]


def test_unused_access_is_dropped_after_a_minute(
    accesses: AccessPool, upstream: ScriptedUpstream, clock: Clock
) -> None:
    send(find(accesses, 1))
    clock.now = 40
    send(find(accesses, 2))
    clock.now = 61
    accesses.drop_unused()
    assert len(accesses) == 1
    assert [is_open(upstream, number) for number in range(2)] == [False, True]


def test_running_call_keeps_its_access(accesses: AccessPool, upstream: ScriptedUpstream, clock: Clock) -> None:
    with find(accesses, 1).upstream.post(b"{}") as response:
        clock.now = 61
        accesses.drop_unused()
        assert len(accesses) == 0
        assert response.read()
    del response
    assert not is_open(upstream, 0)
