"""The headers of every answer, and what of the client's own goes upstream: nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.bodies import completion
from tests.support.client import Client, body_of
from tests.support.ledger import Ledger
from tests.support.serving import Host, serve
from tests.support.upstream import ScriptedUpstream

KINDS = {
    "plain": (body_of(), 200),
    "stream": (body_of(stream=True), 200),
    "invalid": ({}, 400),
    "not found": (body_of(model="nothing"), 404),
}


@pytest.mark.parametrize(("body", "status"), KINDS.values(), ids=KINDS)
def test_every_answer_has_id_and_times(any_client: Client, body: object, status: int) -> None:
    reply = any_client.post(body)
    assert reply.status == status
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", reply.headers["x-request-id"])
    assert int(reply.headers["openai-processing-ms"]) >= 0
    assert reply.headers["Server-Timing"].startswith("auth;dur=")
    assert reply.headers["Content-Type"].startswith(("application/json", "text/event-stream"))


def test_wrong_key_has_an_id_too(any_client: Client) -> None:
    reply = any_client.post(Authorization="Bearer wrong", X_Request_Id="mine")
    assert (reply.headers["x-request-id"], int(reply.headers["openai-processing-ms"]) >= 0) == ("mine", True)


@pytest.mark.parametrize("stream", [True, False])
def test_server_timing_names_each_phase(any_client: Client, stream: bool) -> None:
    timing = any_client.post(body_of(stream=stream)).headers["Server-Timing"]
    assert re.fullmatch(r"auth;dur=[\d.]+, resolve;dur=[\d.]+, upstream;dur=[\d.]+", timing)


@pytest.mark.parametrize("given", ["x", "a.b_c-D9", "x" * 128, "req_" + "0" * 32])
@pytest.mark.parametrize("stream", [True, False])
def test_request_id_of_the_client_is_echoed_and_stored(
    any_client: Client, ledger: Ledger, given: str, stream: bool
) -> None:
    count = len(ledger.rows_of(given))
    reply = any_client.post(body_of(stream=stream), X_Request_Id=given)
    assert reply.headers["x-request-id"] == given
    assert [row["client_request_id"] for row in ledger.rows_of(given)[count:]] == [given]


@pytest.mark.parametrize("stream", [True, False])
def test_calls_with_the_same_request_id_get_different_internal_ids(
    any_client: Client, upstream: ScriptedUpstream, ledger: Ledger, stream: bool
) -> None:
    given = f"same-{any_client.port}-{stream}"
    for _ in range(3):
        any_client.post(body_of(stream=stream), X_Request_Id=given)
    ours = [row["request_id"] for row in ledger.rows_of(given)]
    assert len(set(ours)) == 3
    assert all(re.fullmatch(r"req_[0-9a-f]{32}", request_id) for request_id in ours)
    assert [exchange.request_id for exchange in upstream.exchanges] == ours


def test_call_without_a_request_id_is_told_ours(any_client: Client, upstream: ScriptedUpstream, ledger: Ledger) -> None:
    ours = any_client.post().headers["x-request-id"]
    assert [exchange.request_id for exchange in upstream.exchanges] == [ours]
    assert [(row["request_id"], row["client_request_id"]) for row in ledger.rows_of(ours)] == [(ours, "")]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ü", "<script>", "a/b", "a,b", "../x"])
def test_request_id_that_may_do_harm_is_replaced(any_client: Client, upstream: ScriptedUpstream, given: str) -> None:
    made = any_client.post(X_Request_Id=given).headers["x-request-id"]
    assert re.fullmatch(r"req_[0-9a-f]{32}", made)
    assert upstream.exchanges[0].request_id == made


def test_headers_and_cookies_of_the_client_do_not_go_upstream(any_client: Client, upstream: ScriptedUpstream) -> None:
    any_client.post(
        Cookie="sessionid=abc",
        X_Stainless_Lang="python",
        X_Forwarded_For="1.2.3.4",
        OpenAI_Organization="org",
        User_Agent="client",
        Accept_Language="de",
        Referer="http://example.com",
    )
    sent = upstream.exchanges[0].headers
    expected = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "authorization"}
    assert {name.lower() for name in sent} == expected | {"x-request-id"}
    assert any_client.key not in str(sent)
    assert sent["User-Agent"] == "threadless"


def test_headers_of_the_upstream_do_not_reach_the_client(any_client: Client, upstream: ScriptedUpstream) -> None:

    secret = {
        "Set-Cookie": "a=b",
        "x-request-id": "theirs",
        "openai-organization": "org",
        "x-ratelimit-limit-tokens": "9",
    }
    upstream.script(lambda exchange: exchange.answer(completion(), headers=secret))
    headers = any_client.post().headers
    assert "theirs" not in str(headers)
    assert not {"set-cookie", "openai-organization", "x-ratelimit-limit-tokens"} & {name.lower() for name in headers}


def test_stream_names_no_connection_of_its_own_and_no_length(any_client: Client) -> None:
    headers = any_client.stream().headers
    assert "Content-Length" not in headers
    assert headers["Transfer-Encoding"] == "chunked"


@pytest.fixture(scope="module")
def limited_client(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A host whose keys may ask three times a minute, and spend 1,000 tokens."""
    env = {**host.env, "DJANGO_SETTINGS_MODULE": "tests.wire.limited_settings"}
    with serve("gevent", env=env) as server, Client(server.port, host.key) as client:
        yield client


def test_limits_are_in_the_headers_of_every_answer_and_of_the_429(
    limited_client: Client, upstream: ScriptedUpstream
) -> None:
    replies = [limited_client.post() for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert [reply.headers["x-ratelimit-remaining-requests"] for reply in replies] == ["2", "1", "0", "0", "0"]
    for reply in replies:
        assert reply.headers["x-ratelimit-limit-requests"] == "3"
        assert reply.headers["x-ratelimit-limit-tokens"] == "1000"
        assert re.fullmatch(r"(\d+m)?\d+s", reply.headers["x-ratelimit-reset-requests"])
    assert (replies[3].error["type"], replies[3].error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(replies[3].headers["Retry-After"]) <= 70
    assert 1 <= int(replies[3].headers["retry-after-ms"]) <= 70_000
    assert len(upstream.exchanges) == 3
