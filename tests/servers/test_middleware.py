"""The host's ordinary middleware around a stream: chunks still arrive one by one, and leaving is still noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.rig import Rig, rig
from tests.servers.stepwise import stepper
from tests.support.bodies import chunk, completion
from tests.support.client import body_of
from tests.support.upstream import Exchange

MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "tests.servers.host_middleware.CountingMiddleware",
]
"""Around the example host's own: security, sessions, common, CSRF, authentication, messages, clickjacking."""


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def wrapped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A host with more middleware than most."""
    with rig(request.param, tmp_path_factory.mktemp("host"), MIDDLEWARE=MIDDLEWARE) as made:
        yield made


def test_chunks_arrive_one_by_one_through_the_hosts_middleware(wrapped: Rig) -> None:
    script, read = stepper()
    wrapped.upstream.script(script)
    with wrapped.connect() as client:
        status, headers = client.post("steps", {"Accept-Encoding": "gzip"}, stream=True).read_head()
        seen = read(client)

    assert (status, headers["x-counted"], headers["content-encoding"]) == (200, "yes", "identity")
    assert b": piece 3\n" in seen


def test_client_that_leaves_is_noticed_through_the_hosts_middleware(wrapped: Rig) -> None:
    def speak_once(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"content": "Hello"}))
        exchange.wait_closed(20)

    wrapped.upstream.forget()
    wrapped.upstream.script(speak_once)
    with wrapped.connect() as client:
        client.post("leaving", stream=True).read_until(b"Hello")

    assert wrapped.upstream.exchanges[0].wait_closed(10)
    assert wrapped.ledger.settled_row("leaving")["state"] == "cancelled"


@pytest.mark.parametrize("kind", ["gevent", "uvicorn", "uvicorn-django"])
@pytest.mark.parametrize(
    "members_only",
    [
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "tests.servers.host_middleware.MembersOnlyMiddleware",
    ],
    ids=["stock", "own"],
)
def test_keys_pass_a_middleware_that_asks_for_a_login(kind: str, members_only: str, tmp_path: Path) -> None:
    with rig(kind, tmp_path, MIDDLEWARE_INSIDE=[members_only]) as made, made.connect() as client:
        script, read = stepper()
        made.upstream.script(script)
        assert client.post("members", stream=True).read_head()[0] == 200
        assert b"fourth" in read(client)


@pytest.fixture(scope="module", params=["gevent", "gthread", "uvicorn", "uvicorn-django"])
def reading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A host whose middleware reads each body."""
    middleware = ["tests.servers.host_middleware.BodyReadingMiddleware"]
    with rig(request.param, tmp_path_factory.mktemp("host"), MIDDLEWARE=middleware) as made:
        yield made


@pytest.mark.parametrize("content", ["Hello", "x" * 200_000], ids=["small", "large"])
def test_body_that_a_middleware_has_read_reaches_the_upstream(reading: Rig, content: str) -> None:
    reading.upstream.forget()
    reading.upstream.script(lambda exchange: exchange.answer(completion("Yes.")))
    with reading.connect() as client:
        status, headers = client.post(f"read-{len(content)}", content=content).read_head()
        rest = client.read_rest()

    assert (status, int(headers["x-body-size"]) > len(content)) == (200, True)
    assert b"Yes." in rest
    assert reading.upstream.exchanges[0].body["messages"][-1]["content"] == content


def test_chunked_body_reaches_the_upstream_behind_a_middleware_that_reads_bodies(reading: Rig) -> None:
    reading.upstream.forget()
    reading.upstream.script(lambda exchange: exchange.answer(completion("Yes.")))
    body = json.dumps(body_of("In chunks")).encode()
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with reading.connect() as client:
        assert client.post_chunked("chunked", chunks).read_head()[0] == 200
        assert b"Yes." in client.read_rest()

    assert reading.upstream.exchanges[0].body["messages"][-1]["content"] == "In chunks"
