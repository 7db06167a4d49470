"""Between two passes over a large body, gevent serves the sockets that are ready, and large bodies take turns."""

from __future__ import annotations

import subprocess
import sys

from tests.support.serving import ROOT
from threadless.turns import Turns

_BEGIN = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from django.conf import settings; settings.configure()
from threadless.completions.parse import parse
from threadless.turns import PIECE_BYTES, let_others_run

served = 0

def serve(sock):
    global served
    while data := sock.recv(1):
        served += 1
        sock.send(data)

ours, theirs = socket.socketpair()
gevent.spawn(serve, ours)
gevent.idle()
"""
_AFTER_EACH_PASS = """
missed = 0
for number in range(100):
    theirs.send(b"x")  # during a pass
    let_others_run(PIECE_BYTES + 1)
    missed += served != number + 1
print(missed)
"""
_DURING_A_PARSE = """
gevent.spawn(serve, theirs)
theirs.send(b"x")
text = b"x" * 4 * PIECE_BYTES
parse(b'{"model": "m", "messages": [{"role": "user", "content": "%b"}]}' % text)
print(served)
"""
_MANY_AT_ONCE = """
import tracemalloc
text = b"x" * 2 * PIECE_BYTES
body = b'{"model": "m", "messages": [{"role": "user", "content": "%b"}]}' % text
tracemalloc.start()
parsing = [gevent.spawn(parse, body) for _ in range(10)]
gevent.joinall(parsing, raise_error=True)
print(tracemalloc.get_traced_memory()[1] // len(body))
"""
_PATCHED_LATER = """
from threadless.turns import PIECE_BYTES, large_turn, let_others_run
from gevent import monkey; monkey.patch_all()
import gevent

inside, most = 0, 0

def enter():
    global inside, most
    with large_turn(PIECE_BYTES + 1):
        inside += 1
        most = max(most, inside)
        let_others_run(PIECE_BYTES + 1)
        inside -= 1

gevent.joinall([gevent.spawn(enter) for _ in range(3)], raise_error=True)
print(most)
"""


def printed(script: str) -> int:
    """The number that a script prints."""
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout)


def test_ready_socket_is_served_before_the_next_pass() -> None:
    assert printed(_BEGIN + _AFTER_EACH_PASS) == 0


def test_sockets_are_served_between_all_passes_of_a_parse() -> None:
    assert printed(_BEGIN + _DURING_A_PARSE) >= 9  # structure, UTF-8, values, four pieces with escapes, types, fields


def test_large_bodies_at_once_need_the_copies_of_one() -> None:
    assert printed(_BEGIN + _MANY_AT_ONCE) <= 3


def test_turns_work_if_gevent_replaces_locks_later() -> None:
    assert printed(_PATCHED_LATER) == 1


def test_nobody_waits_for_ever() -> None:
    turns = Turns(wait_seconds=0.01)
    assert turns.take() is not None
    assert turns.take() is None


def test_turns_are_free_after_a_fork() -> None:
    turns = Turns(wait_seconds=0.01)
    turns.take()
    turns.reset()
    assert turns.take() is not None
