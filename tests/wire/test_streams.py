"""Streams: exact framing, one identity, every quirk of an upstream mended, nothing cut short in silence."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.bodies import DONE, USAGE, chunk, chunks_of, completion, event, usage_chunk
from tests.support.client import Client, body_of
from tests.support.upstream import Exchange, ScriptedUpstream
from tests.wire.quirks import ALL, HELLO, QUIRKS, ROLE, STOP, bytes_of


def test_stream_has_its_headers(any_client: Client) -> None:
    headers = any_client.stream().headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "private, no-store, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Content-Encoding"] == "identity"


def test_stream_bears_one_identity(any_client: Client) -> None:
    chunks = any_client.stream(stream_options={"include_usage": True}).chunks
    assert {(c["object"], c["model"]) for c in chunks} == {("chat.completion.chunk", "small")}
    assert len({(c["id"], c["created"]) for c in chunks}) == 1
    assert chunks[0]["id"].startswith("chatcmpl-")


def test_stream_begins_with_the_role_and_ends_with_a_reason(any_client: Client) -> None:
    choices = [c["choices"][0] for c in any_client.stream().chunks]
    assert [c["delta"].get("role") for c in choices] == ["assistant"] + [None] * (len(choices) - 1)
    assert [c["finish_reason"] for c in choices] == [None] * (len(choices) - 1) + ["stop"]


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": None}])
def test_usage_is_not_sent_unless_asked(client: Client, upstream: ScriptedUpstream, options: Any) -> None:
    chunks = client.stream(stream_options=options).chunks
    assert all(c["choices"] and "usage" not in c for c in chunks)
    assert upstream.exchanges[0].body["stream_options"]["include_usage"] is True


def test_usage_when_asked_comes_last_and_is_null_before(any_client: Client) -> None:
    *before, last = any_client.stream(stream_options={"include_usage": True}).chunks
    assert (last["choices"], last["usage"]) == ([], USAGE)
    assert all(c["choices"] and c["usage"] is None for c in before)


def usages(*bodies: Any) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.stream(*bodies)


@pytest.mark.parametrize(
    "script",
    [
        usages(ROLE, HELLO, {**STOP, "usage": USAGE}),
        usages(*({**c, "usage": USAGE} for c in (ROLE, HELLO, STOP))),
        usages(ROLE, HELLO, STOP, {**usage_chunk(), "choices": None}),
        usages(ROLE, {**HELLO, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, STOP, usage_chunk()),
        usages({**usage_chunk(), "usage": None}, ROLE, HELLO, STOP, usage_chunk()),
    ],
    ids=["last choice", "every chunk", "choices null", "growing", "null first"],
)
def test_usage_wherever_it_comes_is_sent_once_at_the_end(
    client: Client, upstream: ScriptedUpstream, script: Callable[[Exchange], None]
) -> None:
    upstream.script(script)
    *before, last = client.stream(stream_options={"include_usage": True}).chunks
    assert (last["choices"], last["usage"]) == ([], USAGE)
    assert all(c["usage"] is None for c in before)


def test_usage_that_is_missing_is_estimated(client: Client, upstream: ScriptedUpstream) -> None:
    upstream.script(usages(ROLE, HELLO, STOP))
    last = client.stream(stream_options={"include_usage": True}).chunks[-1]
    assert last["usage"]["completion_tokens"] >= 1
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]


@pytest.mark.parametrize("size", [1, 3, 100_000], ids=["byte by byte", "in threes", "at once"])
@pytest.mark.parametrize("quirk", QUIRKS)
def test_quirk_of_an_upstream_is_survived(client: Client, upstream: ScriptedUpstream, quirk: str, size: int) -> None:
    data, text = QUIRKS[quirk]
    upstream.script(lambda exchange: send(exchange, [data[i : i + size] for i in range(0, len(data), size)]))
    reply = client.stream()
    assert reply.text == text
    choices = [c["choices"][0] for c in reply.chunks]
    assert choices[0]["delta"]["role"] == "assistant"
    assert [c["finish_reason"] for c in choices if c["finish_reason"]] == ["stop"]
    assert len({(c["id"], c["created"], c["model"]) for c in reply.chunks}) == 1


def send(exchange: Exchange, pieces: list[bytes], **start: Any) -> None:
    exchange.start(**start)
    for piece in pieces:
        exchange.chunk(piece)
    exchange.end()


def test_body_without_length_or_chunks_ends_with_its_connection(client: Client, upstream: ScriptedUpstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.start(chunked=False, extra_headers={"Connection": "close"})
        exchange.chunk(bytes_of(*ALL))

    upstream.script(script)
    assert client.stream().text == "Hello"


def test_body_cut_without_a_finish_reason_is_an_error(client: Client, upstream: ScriptedUpstream) -> None:
    def script(exchange: Exchange) -> None:
        exchange.start(chunked=False)
        exchange.chunk(bytes_of(ROLE, HELLO))

    upstream.script(script)
    *_, last = client.stream().events
    assert json.loads(last)["error"]["code"] == "upstream_error"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_stream_compressed_though_identity_was_asked_is_read(
    client: Client, upstream: ScriptedUpstream, encoding: str, size: int
) -> None:
    data = (gzip if encoding == "gzip" else zlib).compress(bytes_of(*ALL) + DONE)
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    upstream.script(lambda exchange: send(exchange, pieces, extra_headers={"Content-Encoding": encoding}))
    assert client.stream().text == "Hello"
    assert upstream.exchanges[0].headers["Accept-Encoding"] == "identity"


def test_json_answered_to_a_stream_request_is_streamed(client: Client, upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(completion("Hello")))
    reply = client.stream(stream_options={"include_usage": True})
    assert reply.text == "Hello"
    assert reply.chunks[-1]["usage"] == USAGE


def test_connection_to_the_upstream_is_used_again_after_done(client: Client, upstream: ScriptedUpstream) -> None:
    for _ in range(300):
        assert client.stream().text == "Hello there"
        if len({exchange.connection for exchange in upstream.exchanges}) < len(upstream.exchanges):
            break
    else:
        pytest.fail("Each of 300 streams had its own connection.")


def test_chunk_leaves_as_soon_as_it_arrives(any_client: Client, upstream: ScriptedUpstream) -> None:
    seen, data = threading.Event(), json.dumps(body_of(stream=True)).encode()

    def script(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"role": "assistant", "content": "first"}))
        assert seen.wait(10), "the first chunk did not arrive before the second was sent"
        exchange.chunk(bytes_of(STOP) + DONE)
        exchange.end()

    upstream.script(script)
    head = any_client.head("Content-Type: application/json", f"Content-Length: {len(data)}")
    with any_client.connect() as connection:
        connection.send(head + data)
        connection.read_until(b"first")
        seen.set()
        connection.read_until(b"[DONE]")


def deltas_of(chunks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (c["choices"][0]["delta"] for c in chunks)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "refusal", "x_provider"])
def test_delta_field_of_the_upstream_is_passed_through(client: Client, upstream: ScriptedUpstream, name: str) -> None:
    upstream.script(usages(ROLE, chunk({name: "because"}), chunk({name: " so"}), STOP))
    assert [delta[name] for delta in deltas_of(client.stream().chunks) if delta.get(name)] == ["because", " so"]


def test_audio_deltas_are_passed_through(client: Client, upstream: ScriptedUpstream) -> None:
    audio = [{"id": "audio_1", "data": "AAAA"}, {"transcript": "Hi"}, {"expires_at": 1_700_000_000}]
    upstream.script(usages(ROLE, *(chunk({"audio": part}) for part in audio), STOP))
    assert [delta["audio"] for delta in deltas_of(client.stream().chunks) if "audio" in delta] == audio


def test_fields_beside_the_choices_are_passed_through(client: Client, upstream: ScriptedUpstream) -> None:
    extra = {"system_fingerprint": "fp_1", "service_tier": "default", "x_provider": {"a": [1]}, "obfuscation": "abc"}
    upstream.script(usages(*({**c, **extra} for c in ALL)))
    assert all(extra.items() <= c.items() for c in client.stream().chunks)


def test_logprobs_are_passed_through(client: Client, upstream: ScriptedUpstream) -> None:
    logprobs = {"content": [{"token": "H", "logprob": -0.1, "bytes": [72], "top_logprobs": []}], "refusal": None}
    choice = {"index": 0, "delta": {"content": "H"}, "logprobs": logprobs, "finish_reason": None}
    upstream.script(usages(ROLE, chunk(choices=[choice]), STOP))
    assert client.stream(logprobs=True).chunks[1]["choices"][0]["logprobs"] == logprobs


def test_several_choices_keep_apart(client: Client, upstream: ScriptedUpstream) -> None:
    def part(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return chunk(choices=[{"index": index, "delta": delta, "finish_reason": reason}])

    upstream.script(
        usages(part(1, {"content": "b"}), part(0, {"content": "a"}), part(1, {}, "length"), part(0, {}, "stop"))
    )
    choices = [c["choices"][0] for c in client.stream(n=2).chunks]
    assert [c["delta"].get("role") for c in choices] == ["assistant", "assistant", None, None]
    assert [(c["index"], c["finish_reason"]) for c in choices[2:]] == [(1, "length"), (0, "stop")]


def test_choice_without_a_reason_is_closed_beside_one_that_has_it(client: Client, upstream: ScriptedUpstream) -> None:
    both = chunk(choices=[{"index": i, "delta": {"content": "x"}, "finish_reason": None} for i in (0, 1)])
    upstream.script(usages(both, STOP))
    reasons = {
        choice["index"]: choice["finish_reason"]
        for c in client.stream(n=2).chunks
        for choice in c["choices"]
        if choice["finish_reason"]
    }
    assert reasons == {0: "stop", 1: "stop"}


def test_delta_of_1_mb_passes(any_client: Client, upstream: ScriptedUpstream) -> None:
    text = "ü" * (1 << 20)
    upstream.script(usages(*chunks_of(text, text)))
    assert any_client.stream().text == text * 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *((reason, reason) for reason in ("stop", "length", "content_filter", "unknown_word")),
        *(("STOP", "stop"), ("eos", "stop"), ("max_tokens", "length"), ("tool_use", "stop"), ("tool_calls", "stop")),
    ],
)
def test_finish_reason_has_a_meaning_of_the_reference(
    client: Client, upstream: ScriptedUpstream, given: str, expected: str
) -> None:
    upstream.script(usages(ROLE, HELLO, chunk(finish_reason=given)))
    assert client.stream().chunks[-1]["choices"][0]["finish_reason"] == expected


def test_event_of_many_chunks_in_one_segment_keeps_their_order(client: Client, upstream: ScriptedUpstream) -> None:
    texts = [f"{number} " for number in range(500)]
    upstream.script(lambda exchange: send(exchange, [b"".join(map(event, chunks_of(*texts))) + DONE]))
    assert client.stream().text == "".join(texts)
