"""Fixtures for the tests of what speaks to an upstream."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.backends.upstream.sender import Sender
from tests.support.upstream import ScriptedUpstream


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def sender(upstream: ScriptedUpstream) -> Sender:
    """Posts to the scripted upstream."""
    return Sender(upstream.port)


@pytest.fixture
def told() -> Iterator[threading.Event]:
    """What a script may wait for; set when the test is over."""
    event = threading.Event()
    yield event
    event.set()
