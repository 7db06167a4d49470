"""Server processes that count in one cache admit no more than the limit together."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
import time_machine
from pytest_django import Settings

from tests.calls.limited_process import caches, caller, is_admitted
from tests.support.closing_caches import close_caches
from tests.support.limits import CACHES, SHARED_CACHES
from threadless.calls.limits import levels_of
from threadless.conf import conf

LIMIT, PROCESSES, ATTEMPTS = 100, 4, 60


class Process:
    """A process that makes its attempts when it is told to."""

    def __init__(self, unit: str, cache: str, prefix: str) -> None:
        arguments = [unit, cache, prefix, str(LIMIT), str(ATTEMPTS)]
        command = [sys.executable, "-m", "tests.calls.limited_process", *arguments]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """The next line that the process prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def tell(self) -> None:
        """Let the process go on."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()


@pytest.fixture(params=SHARED_CACHES)
def shared(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[str, str]]:
    """The cache of this test and the prefix of its names there, for this process too."""
    CACHES[request.param]()
    prefix = uuid.uuid4().hex
    settings.CACHES = caches(request.param, prefix)
    yield request.param, prefix
    close_caches()


@pytest.fixture
def processes(shared: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[list[Process]]:
    """Four processes, ready to begin; killed at the end."""
    processes = [Process(request.param, *shared) for _ in range(PROCESSES)]
    assert [each.read() for each in processes] == ["ready"] * PROCESSES
    yield processes
    for each in processes:
        each.popen.kill()
        each.popen.communicate()


def admitted_together(processes: list[Process]) -> int:
    """How many attempts succeed if all processes try at the same time."""
    for each in processes:
        each.tell()
    return sum(int(each.read()) for each in processes)


@pytest.mark.parametrize(("processes", "unit"), [("requests", "requests"), ("calls", "calls")], indirect=["processes"])
def test_processes_admit_exactly_the_limit_together(processes: list[Process], unit: str) -> None:
    """More tries follow alone: of two processes that ask for the last place at once, both may be refused."""
    together = admitted_together(processes)
    assert together <= LIMIT
    assert together + sum(is_admitted(unit, caller(LIMIT)) for _ in range(LIMIT)) == LIMIT


@pytest.mark.parametrize("processes", ["calls"], indirect=True)
def test_calls_of_killed_processes_are_forgotten(processes: list[Process]) -> None:
    admitted_together(processes)
    for each in processes:
        each.popen.kill()
    (level,) = levels_of(caller(LIMIT), "calls")
    held = level.sum.total
    assert 0 < held <= LIMIT
    with time_machine.travel(level.sum.now + conf.max_call_seconds, tick=False):
        assert levels_of(caller(LIMIT), "calls")[0].sum.total == held
    with time_machine.travel(level.sum.now + conf.max_call_seconds + 120, tick=False):
        assert levels_of(caller(LIMIT), "calls")[0].sum.total == 0
