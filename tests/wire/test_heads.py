"""Odd request heads: keys, `Accept`, cookies, and what the servers refuse before any application sees it."""

from __future__ import annotations

import json

import pytest

from tests.support.client import PATH, Client, body_of
from tests.support.serving import Host, Server

GOOD = json.dumps(body_of()).encode()
JSON_TYPE = "Content-Type: application/json"
LENGTH = f"Content-Length: {len(GOOD)}"

ACCEPTS = [
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    "text/event-stream",
    "application/json",
    "*/*",
    "",
    "nonsense",
    "image/png",
    "application/json; version=9; indent=4",
    ",;,/;q=x",
    "text/html;q=-1",
    "a" * 4000,
]


@pytest.mark.parametrize("accept", ACCEPTS)
def test_accept_never_decides_the_outcome(any_client: Client, accept: str) -> None:
    assert any_client.post(Accept=accept).json()["object"] == "chat.completion"
    refused = any_client.post(b"{}", Accept=accept)
    assert (refused.status, refused.error["code"]) == (400, "missing_required_parameter")
    assert any_client.post(b"", method="GET", Accept=accept).error["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "value",
    [
        *("Bearer", "Bearer ", "Bearer wrong", 'Bearer "{key}"', "Bearer {key}x", "Bearer  x {key}", "Basic {key}"),
        *("Bearer schlüssel", "Bearer \xff\xfe", "Bearer {key},Bearer {key}", "Token {key}", "Bearer " + "x" * 8_000),
        *("bearer: {key}", "Bearer {KEY}", "Bearer ' OR 1=1 --", "Digest username=x", "{key}"),
    ],
)
def test_authorization_that_is_no_key_is_refused(any_client: Client, value: str) -> None:
    header = value.replace("{key}", any_client.key).replace("{KEY}", any_client.key.upper())
    reply = any_client.raw(
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{JSON_TYPE}\r\nContent-Length: {len(GOOD)}\r\n"
        f"Authorization: {header}\r\n\r\n".encode("latin-1")
        + GOOD
    )
    assert (reply.status, reply.error["type"], reply.error["code"]) == (401, "authentication_error", "invalid_api_key")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert any_client.key not in reply.content.decode()


def test_authorization_missing_is_refused(any_client: Client) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{JSON_TYPE}\r\nContent-Length: {len(GOOD)}\r\n\r\n"
    reply = any_client.raw(head.encode() + GOOD)
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("second", ["Bearer wrong", "Basic x", "Bearer {key}"])
def test_authorization_given_twice_is_refused(any_client: Client, second: str) -> None:
    line = f"Authorization: {second}".replace("{key}", any_client.key)
    reply = any_client.raw(any_client.head(line, JSON_TYPE, f"Content-Length: {len(GOOD)}") + GOOD)
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_bearer_in_any_letter_case_is_accepted(any_client: Client, scheme: str) -> None:
    assert any_client.post(Authorization=f"{scheme} {any_client.key}").status == 200


def test_spaces_around_the_key_are_ignored(any_client: Client) -> None:
    assert any_client.post(Authorization=f"  Bearer   {any_client.key}  ").status == 200


@pytest.mark.parametrize("header", ["X-Junk", "Cookie", "Accept", "User-Agent", "X-Request-Id"])
def test_huge_header_does_no_harm(any_client: Client, header: str) -> None:
    reply = any_client.post(**{header.replace("-", "_"): "x" * 8_000})
    assert reply.status == 200


@pytest.mark.parametrize(
    "cookie", ["sessionid=wrong", 'sessionid="\\000\\377"', "=;=;;", "csrftoken=" + "x" * 5000, "\xff"]
)
def test_cookies_do_no_harm(any_client: Client, cookie: str) -> None:
    assert any_client.post(Cookie=cookie).status == 200
    assert any_client.post(Cookie=cookie, Authorization="Basic x").error["code"] == "invalid_api_key"


@pytest.mark.parametrize("name", ["nothing", "%00", "%ff%fe", "..%2f..%2fetc", "a" * 3000, "agent-%00", "%F0%9F%98%80"])
def test_model_of_an_odd_name_is_not_found(any_client: Client, name: str) -> None:
    reply = any_client.get(f"/api/v1/models/{name}")
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


UNREADABLE = {
    **{f"length {value!r}": (f"Content-Length: {value}",) for value in ("abc", "-1", "+5", "1e3", "0x10", "", "5 5")},
    "two lengths": (LENGTH, "Content-Length: 3"),
    "unknown coding": ("Transfer-Encoding: xchunked",),
    "control character": (LENGTH, "X-Junk: a\0b"),
    "no colon": (LENGTH, "nonsense"),
    "space in a name": (LENGTH, "X Junk: b"),
}


@pytest.mark.parametrize("lines", UNREADABLE.values(), ids=UNREADABLE)
def test_head_that_gunicorn_refuses_gets_the_same_error_form(client: Client, lines: tuple[str, ...]) -> None:
    reply = client.raw(client.head(JSON_TYPE, *lines) + GOOD)
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("lines", UNREADABLE.values(), ids=UNREADABLE)
def test_head_that_uvicorn_refuses_gets_a_400(uvicorn_server: Server, host: Host, lines: tuple[str, ...]) -> None:
    client = Client(uvicorn_server.port, host.key)
    assert client.raw(client.head(JSON_TYPE, *lines) + GOOD).status == 400


@pytest.mark.parametrize("head", [("X-Junk: " + "x" * 8_190,), [f"X-{number}: 1" for number in range(65)]])
def test_head_beyond_the_limits_of_gunicorn_gets_431(client: Client, head: tuple[str, ...]) -> None:
    reply = client.raw(client.head(JSON_TYPE, LENGTH, *head) + GOOD)
    assert (reply.status, reply.error["type"]) == (431, "invalid_request_error")


def test_50_headers_reach_the_application(any_client: Client) -> None:
    lines = [f"X-{number}: 1" for number in range(50)]
    assert any_client.raw(any_client.head(JSON_TYPE, LENGTH, *lines) + GOOD).status == 200
