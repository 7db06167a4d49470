"""Whatever an upstream sends as chunks, the client gets chunks of the reference, one choice after the other."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fixtures import Configure
from tests.wire.strict import judge
from threadless.backends.convert import chunks_of, completion_of, text_chunk
from threadless.completions.account import Account
from threadless.completions.answer import normalize_completion
from threadless.completions.chunks import ChunkStream
from threadless.exceptions import UpstreamError
from threadless.types import ChatRequest, Target

ODD = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.text(max_size=3), st.builds(list), st.builds(dict))
TEXT = st.one_of(st.none(), st.text(max_size=5))
NAME = st.one_of(ODD, st.sampled_from(["f", "g"]))
FUNCTION = st.one_of(ODD, st.fixed_dictionaries({}, optional={"name": NAME, "arguments": ODD}))
CALL = st.one_of(
    ODD, st.fixed_dictionaries({}, optional={"index": ODD, "id": ODD, "type": st.none(), "function": FUNCTION})
)
CALLS = st.one_of(ODD, st.lists(CALL, max_size=3))
MESSAGE = st.one_of(
    ODD, st.fixed_dictionaries({}, optional={"role": ODD, "content": TEXT, "refusal": TEXT, "tool_calls": CALLS})
)
REASON = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(["", "stop", "STOP", "eos", "length", "error"])
)
REST = {"index": ODD, "finish_reason": REASON, "logprobs": st.none()}
USAGE = st.one_of(ODD, st.fixed_dictionaries({}, optional={"prompt_tokens": ODD, "completion_tokens": ODD}))


def an_account() -> Account:
    """Of a call that sent nothing."""
    return Account(ChatRequest.build(messages=[]), Target(id="small", model="m"))


def bodies(part: str) -> st.SearchStrategy[dict[str, Any]]:
    """Answers or chunks with `part` in their choices."""
    choice = st.one_of(ODD, st.fixed_dictionaries({}, optional={**REST, part: MESSAGE}))
    fields = {"id": ODD, "object": ODD, "created": ODD, "model": ODD, "usage": USAGE}
    return st.fixed_dictionaries({}, optional={**fields, "choices": st.one_of(ODD, st.lists(choice, max_size=3))})


@settings(max_examples=300)
@given(st.lists(bodies("delta"), max_size=6))
def test_any_chunks_come_out_as_those_of_the_reference(given_chunks: list[dict[str, Any]]) -> None:
    stream = ChunkStream("small", an_account())
    sent: list[dict[str, Any]] = []
    is_complete = False
    with contextlib.suppress(UpstreamError):
        sent.extend(chunk for body in given_chunks if (chunk := stream.take(body)) is not None)
        if (last := stream.finish()) is not None:
            sent.append(last)
        is_complete = True
    for chunk in sent:
        judge(chunk)
    finished = [c["index"] for chunk in sent for c in chunk["choices"] if c["finish_reason"]]
    assert len(finished) == len(set(finished))
    if is_complete:
        assert set(finished) == {c["index"] for chunk in sent for c in chunk["choices"]}


@settings(max_examples=300)
@given(bodies("message"))
def test_any_answer_becomes_a_valid_answer_or_an_upstream_error(body: dict[str, Any]) -> None:
    body.pop("usage", None)  # set by the call, which knows the estimate
    with contextlib.suppress(UpstreamError):
        judge(normalize_completion(body, "small", an_account()))


@settings(max_examples=300)
@given(bodies("message"))
def test_any_answer_can_be_cut_into_chunks(body: dict[str, Any]) -> None:
    stream = ChunkStream("small", an_account())
    with contextlib.suppress(UpstreamError):
        for chunk in chunks_of(body):
            if (sent := stream.take(chunk)) is not None:
                judge(sent)


def test_answer_cut_into_chunks_adds_up_to_itself() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hi", "tool_calls": [call]}
    body = {"id": "chatcmpl-1", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}
    assert completion_of(chunks_of(body)) == body


def test_long_text_of_many_chunks_is_copied_once() -> None:
    """A copy for each chunk would be two thousand gigabytes, which no machine makes before the test's timeout."""
    piece = "x" * 100
    [choice] = completion_of(text_chunk(piece) for _ in range(200_000))["choices"]
    assert choice["message"]["content"] == piece * 200_000


def test_fields_held_for_the_next_chunk_are_bounded(configure: Configure) -> None:
    configure(MAX_EVENT_BYTES=1000)
    stream = ChunkStream("small", an_account())
    for number in range(9):
        stream.take({"choices": [], f"field-{number}": "x" * 100})
    with pytest.raises(UpstreamError, match="too large"):
        stream.take({"choices": [], "field-9": "x" * 100})


def test_field_that_is_held_again_takes_no_more_room(configure: Configure) -> None:
    configure(MAX_EVENT_BYTES=1000)
    stream = ChunkStream("small", an_account())
    assert [stream.take({"choices": [], "field": "x" * 100}) for _ in range(20)] == [None] * 20
