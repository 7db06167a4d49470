"""Whatever comes over the socket: a 4xx in the error form of the OpenAI API, never a 500, never HTML."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.support.client import Client, body_of
from tests.support.upstream import ScriptedUpstream

GOOD = json.dumps(body_of()).encode()
JSON_TYPE = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"


def with_field(field: bytes) -> bytes:
    return GOOD[:-1] + b"," + field + b"}"


BROKEN_BODIES = {
    "empty": b"",
    "blank": b"  \n",
    "word": b"hello",
    "cut": GOOD[:-1],
    "trailing": GOOD + b"x",
    "two": GOOD + GOOD,
    "form": b"model=small&messages=Hi",
    "single quotes": GOOD.replace(b'"', b"'"),
    "comment": b"/* */" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "array": b"[" + GOOD + b"]",
    "string": b'"hello"',
    "number": b"1",
    "true": b"true",
    "null": b"null",
    "NaN": with_field(b'"temperature": NaN'),
    "Infinity": with_field(b'"x": Infinity'),
    "-Infinity": with_field(b'"x": {"y": [-Infinity]}'),
    "overflow": with_field(b'"x": 1e999'),
    "duplicate key": with_field(b'"model": "large"'),
    "escaped duplicate key": with_field(b'"\\u006dodel": "large"'),
    "deep duplicate key": with_field(b'"x": {"y": [{"z": 1, "z": 2}]}'),
    "deep array": with_field(b'"x": ' + b"[" * 100_000 + b"]" * 100_000),
    "deep object": with_field(b'"x": ' + b'{"y":' * 100_000 + b"1" + b"}" * 100_000),
    "only brackets": b"[" * 100_000,
    "just too deep": with_field(b'"x": ' + b"[" * 100 + b"]" * 100),
    "quotes without end": b"[" * 101 + b'"' + b'\\"' * 500_000,
    "5,000 digits": with_field(b'"seed": ' + b"9" * 5000),
    "5,000 digits unknown": with_field(b'"x": ' + b"9" * 5000),
    "NUL": with_field(b'"user": "a\\u0000b"'),
    "NUL in a key": with_field(b'"a\\u0000b": 1'),
    "raw NUL": with_field(b'"user": "a\0b"'),
    "NUL in the model": GOOD.replace(b'"small"', b'"\\u0000"'),
    "lone surrogate": with_field(b'"user": "\\ud83d"'),
    "lone low surrogate": with_field(b'"x": {"y": ["\\uDE00"]}'),
    "lone surrogate in a key": with_field(b'"\\ud83d": 1'),
    "raw surrogate": with_field(b'"user": "\xed\xa0\x80"'),
    "invalid UTF-8": with_field(b'"user": "\xff"'),
    "invalid UTF-8 unknown": with_field(b'"x": "\xc3\x28"'),
    "invalid UTF-8 in a key": with_field(b'"\xff": 1'),
    "overlong UTF-8": with_field(b'"user": "\xc0\x80"'),
    "control character": with_field(b'"user": "a\nb"'),
    "many duplicates": b"{" + b",".join(b'"%d":1' % number for number in range(50_000)) + b',"49999":1}',
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_body_that_is_broken_is_refused(any_client: Client, upstream: ScriptedUpstream, body: bytes) -> None:
    reply = any_client.post(body)
    assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
    assert reply.error["code"] in {"invalid_json", "invalid_type", "invalid_value"}
    assert reply.headers["x-request-id"]
    assert not upstream.exchanges


def test_byte_order_mark_before_the_body_is_accepted(any_client: Client) -> None:
    assert any_client.post(b"\xef\xbb\xbf" + GOOD).status == 200


@pytest.mark.parametrize(
    "body", [b"\xff", b"[" * 100_000, b"x" * 2_000_000, b""], ids=["bytes", "deep", "2 MB", "empty"]
)
def test_body_of_a_wrong_key_is_not_judged(any_client: Client, body: bytes) -> None:
    reply = any_client.post(body, Authorization="Bearer wrong", Content_Type="text/plain")
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


def test_body_too_large_with_a_wrong_key_gets_401(any_client: Client) -> None:
    reply = any_client.post(b"x" * 34 * 1024 * 1024, Authorization="Bearer wrong")
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"),
        *("application/json; charset=utf-16", "application/jsonx", "nonsense", "a/b/c;;;=", "application/octet-stream"),
    ],
)
def test_content_type_other_than_json_is_refused(any_client: Client, content_type: str) -> None:
    reply = any_client.post(GOOD, Content_Type=content_type)
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'],
)
def test_content_type_json_is_accepted(any_client: Client, content_type: str) -> None:
    assert any_client.post(GOOD, Content_Type=content_type).status == 200


def test_content_type_missing_is_refused(any_client: Client) -> None:
    reply = any_client.raw(any_client.head(f"Content-Length: {len(GOOD)}") + GOOD)
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
def test_compressed_body_is_refused(any_client: Client, encoding: str) -> None:
    reply = any_client.post(gzip.compress(GOOD), Content_Encoding=encoding)
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_method_other_than_post_is_refused(any_client: Client, method: str) -> None:
    reply = any_client.post(b"", method=method)
    assert (reply.status, reply.error["code"]) == (405, "method_not_allowed")
    assert "POST" in reply.headers["Allow"]


def test_head_is_refused_without_a_body(any_client: Client) -> None:
    assert any_client.post(b"", method="HEAD").status == 405


@pytest.mark.parametrize("size", [1, 7, 65536])
def test_chunked_body_is_read(any_client: Client, upstream: ScriptedUpstream, size: int) -> None:
    body = json.dumps(body_of("x" * 200)).encode()
    pieces = b"".join(
        b"%x\r\n%b\r\n" % (len(body[i : i + size]), body[i : i + size]) for i in range(0, len(body), size)
    )
    reply = any_client.raw(any_client.head(JSON_TYPE, "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n")
    assert reply.status == 200
    assert upstream.exchanges[0].body["messages"][-1] == body_of("x" * 200)["messages"][0]


def test_chunked_body_that_is_empty_is_refused(any_client: Client) -> None:
    reply = any_client.raw(any_client.head(JSON_TYPE, "Transfer-Encoding: chunked") + b"0\r\n\r\n")
    assert (reply.status, reply.error["code"]) == (400, "invalid_json")


def test_chunked_body_over_the_limit_gets_413(any_client: Client) -> None:
    piece = b"%x\r\n%b\r\n" % (1 << 20, b" " * (1 << 20))
    reply = any_client.raw(
        any_client.head(JSON_TYPE, "Transfer-Encoding: chunked") + piece * 34 + b"0\r\n\r\n", timeout=60
    )
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("megabytes", [17, 60])
def test_body_over_the_limit_gets_a_413_that_can_be_read(any_client: Client, megabytes: int) -> None:
    reply = any_client.post(b" " * (megabytes << 20))
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


def test_body_just_within_the_limit_is_read(any_client: Client) -> None:
    assert any_client.post(GOOD + b" " * ((16 << 20) - len(GOOD))).status == 200


def test_image_of_4_mb_passes_unchanged(any_client: Client, upstream: ScriptedUpstream) -> None:
    url = "data:image/png;base64," + "iVBORw0KGgo" * (4 * 1024 * 1024 // 11)
    content = [{"type": "image_url", "image_url": {"url": url, "detail": "high"}}]
    assert any_client.post(body_of(content)).status == 200
    assert upstream.exchanges[0].body["messages"][-1]["content"] == content


def test_body_cut_off_by_the_client_reaches_no_upstream(any_client: Client, upstream: ScriptedUpstream) -> None:
    with any_client.connect() as connection:
        connection.send(any_client.head(JSON_TYPE, f"Content-Length: {len(GOOD)}") + GOOD[:20])
    assert any_client.post().status == 200  # the server lives
    assert len(upstream.exchanges) == 1


def test_expect_100_continue_is_answered_before_the_body(any_client: Client) -> None:
    with any_client.connect() as connection:
        connection.send(any_client.head(JSON_TYPE, f"Content-Length: {len(GOOD)}", "Expect: 100-continue"))
        assert connection.read_head()[0] == 100
        connection.send(GOOD)
        assert connection.read_reply().status == 200


@pytest.mark.parametrize("piece", [b"zz\r\nabc\r\n", b"-5\r\nabc\r\n", b"3\r\nabcXX", b"\r\n\r\n"])
def test_broken_chunk_gets_a_400(any_client: Client, piece: bytes) -> None:
    assert any_client.raw(any_client.head(JSON_TYPE, CHUNKED) + piece + b"0\r\n\r\n").status == 400


def test_broken_chunk_under_gunicorn_gets_the_error_form(client: Client) -> None:
    reply = client.raw(client.head(JSON_TYPE, CHUNKED) + b"zz\r\nabc\r\n0\r\n\r\n")
    assert reply.error["code"] == "invalid_json"


@pytest.mark.parametrize(("key", "code"), [("wrong", "invalid_api_key"), (None, "request_too_large")])
def test_length_announced_but_never_sent_is_answered_at_once(client: Client, key: str | None, code: str) -> None:
    reply = client.raw(client.head(JSON_TYPE, f"Content-Length: {10**11}", key=key))
    assert reply.error["code"] == code


def test_huge_body_with_a_wrong_key_is_answered_before_the_close(client: Client) -> None:
    size = 20 << 20
    head = client.head(JSON_TYPE, f"Content-Length: {size}", "Connection: close", key="wrong")
    assert client.raw(head + b" " * size).error["code"] == "invalid_api_key"
