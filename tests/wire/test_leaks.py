"""No client, log or row gets the upstream's key, URL or host, not even if the upstream quotes them."""

from __future__ import annotations

import json
from email.message import Message
from urllib.parse import quote, quote_plus

import pytest

from tests.support.bodies import chunk
from tests.support.client import Client, Reply, body_of
from tests.support.ledger import Ledger
from tests.support.serving import Host, Server, free_port, serve
from tests.support.upstream import UPSTREAM_KEY, Exchange, ScriptedUpstream
from tests.wire.failures import fail


def assert_clean(reply: Reply, upstream: ScriptedUpstream) -> None:
    """Nothing of the upstream in body or headers, in any spelling."""
    text = (reply.content.decode() + str(reply.headers)).lower()
    for secret in (UPSTREAM_KEY, f"127.0.0.1:{upstream.port}", str(upstream.port), "/v1/"):
        assert secret.lower() not in text
        assert quote(secret, safe="").lower() not in text
        assert secret.split("/")[-1].lower() not in text or secret == "/v1/"


def test_assert_clean_finds_a_secret(upstream: ScriptedUpstream) -> None:
    reply = Reply(status=400, headers=Message(), content=f"see {upstream.base_url}".encode())
    with pytest.raises(AssertionError):
        assert_clean(reply, upstream)


def spellings(port: int) -> list[str]:
    url = f"http://127.0.0.1:{port}/v1"
    plain = [UPSTREAM_KEY, url, f"127.0.0.1:{port}", "127.0.0.1"]
    encoded = [spell(text) for text in plain for spell in (quote, quote_plus, lambda t: quote(t, safe=""))]
    twice = [quote(quote(text, safe=""), safe="") for text in plain]
    return [*plain, *(text.upper() for text in plain), *encoded, *(text.lower() for text in encoded), *twice]


@pytest.mark.parametrize("field", ["message", "type", "param", "code"])
def test_secrets_quoted_in_a_refusal_are_taken_out(client: Client, upstream: ScriptedUpstream, field: str) -> None:
    quoted = f"a {' | '.join(spellings(upstream.port))} z"
    upstream.script(fail(400, {"error": {"message": "x", "type": "t", "param": "p", "code": "c", field: quoted}}))
    reply = client.post()
    assert reply.error[field].startswith("a [redacted]")
    assert_clean(reply, upstream)


@pytest.mark.parametrize("piece", [1, 5, 100_000])
@pytest.mark.parametrize("named", [b"", b"event: error\n"])
def test_secrets_quoted_in_an_error_event_are_taken_out(
    client: Client, upstream: ScriptedUpstream, piece: int, named: bytes
) -> None:
    quoted = " | ".join(spellings(upstream.port))
    error = {"message": quoted, "type": "invalid_request_error", "param": quoted, "code": quoted}
    data = named + b"data: %b\n\n" % json.dumps({"error": error}).encode()

    def script(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"role": "assistant", "content": "x"}))
        for start in range(0, len(data), piece):
            exchange.chunk(data[start : start + piece])
        exchange.end()

    upstream.script(script)
    reply = client.stream()
    assert json.loads(reply.events[-1])["error"]["message"].startswith("[redacted]")
    assert_clean(reply, upstream)


def test_failure_leaves_a_row_without_secrets(client: Client, upstream: ScriptedUpstream, ledger: Ledger) -> None:
    quoted = f"{UPSTREAM_KEY} at {upstream.base_url}"
    upstream.script(fail(400, {"error": {"message": quoted, "code": quoted}}))
    row = ledger.settled_row(client.post().headers["x-request-id"])
    assert (row["state"], row["http_status"]) == ("failed", 400)
    assert row["error_code"].startswith("[redacted]")
    assert UPSTREAM_KEY not in str(row)


@pytest.fixture
def host_without_upstream(host: Host) -> Host:
    env = {**host.env, "UPSTREAM_BASE_URL": f"http://localhost:{free_port()}/v1/secret-path"}
    return Host(env=env, key=host.key)


@pytest.mark.parametrize("kind", ["gevent", "uvicorn"])
def test_upstream_that_is_down_is_a_503_and_stands_in_no_log(host_without_upstream: Host, kind: str) -> None:
    with serve(kind, env=host_without_upstream.env) as server, Client(server.port, host_without_upstream.key) as client:
        for stream in (True, False):
            reply = client.post(body_of(stream=stream))
            assert (reply.status, reply.error["code"]) == (503, "upstream_unavailable")
        log = server.log_text()
    assert "(upstream_unavailable)" in log
    assert "localhost" not in log
    assert "secret-path" not in log


def test_failures_so_far_stand_in_no_log_with_secrets(
    gunicorn_server: Server, client: Client, upstream: ScriptedUpstream
) -> None:
    upstream.script(lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nbad header\r\nContent-Length: 2\r\n\r\n{}"))
    assert client.post().status == 502
    log = gunicorn_server.log_text()
    assert "/api/v1/chat/completions" in log
    assert UPSTREAM_KEY not in log
    assert str(upstream.port) not in log
