"""Runs a script in a process of gevent, with an upstream in another process that the script controls.

The upstream sends its second piece when the script calls `speak`, which blocks the whole process, not only its
greenlet, until the piece is sent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
UPSTREAM = """
import socket, sys
first, second, count = eval(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sock, _ = server.accept()
    sock.recv(65536)
    sock.sendall(first)
    sys.stdin.readline()
    for _ in range(count):
        sock.sendall(second)
    print("sent", flush=True)
    sys.stdin.readline()
    sock.close()
"""
PREAMBLE = """
import subprocess, sys, time
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
server = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], **pipes)
port = int(server.stdout.readline())
block = time.sleep
def tell():
    server.stdin.write("\\n")
    server.stdin.flush()
def speak():
    tell()
    server.stdout.readline()

from gevent import monkey
monkey.patch_all()
import gevent
from tests.backends.upstream.sender import Sender
from threadless.exceptions import UpstreamError
from threadless.server.timeouts import Timeouts
"""


def run(script: str, *, first: bytes, second: bytes, count: int = 1) -> str:
    """What the script prints. The upstream answers with `first`, and `count` times with `second`."""
    command = [sys.executable, "-c", PREAMBLE + script + "\nserver.kill()\nserver.communicate()", UPSTREAM]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    pieces = repr((first, second, count))
    done = subprocess.run([*command, pieces], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
