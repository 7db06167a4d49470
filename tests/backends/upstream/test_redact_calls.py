"""What a target adds to a request, and its private model name, do not come back in an upstream's texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadless.backends import cleaning
from threadless.backends.upstream.redact import CallRedactor, Redactor

INSTRUCTIONS = 'You are the kit\'s agent.\n\tNever mention "Project Falcon"; be brief. Größe: 5 €.'
KEY = "sk-upstream-1234"
HIDDEN = "[redacted]"


def make_redactor(
    text: str = INSTRUCTIONS, *, model: str = "harbour/private-7", public: str = "fast", allow_prompt_echo: bool = False
) -> CallRedactor:
    return CallRedactor(
        Redactor("http://llm.internal/v1", KEY),
        model=model,
        public_model=public,
        added=[json.dumps([{"role": "system", "content": text}]).encode()],
        said=b"",
        allow_prompt_echo=allow_prompt_echo,
    )


@pytest.mark.parametrize(
    "text",
    [
        INSTRUCTIONS,
        repr(INSTRUCTIONS),
        json.dumps(INSTRUCTIONS),
        json.dumps(json.dumps(INSTRUCTIONS)),
        INSTRUCTIONS.upper(),
        f"1 validation error: {INSTRUCTIONS[20:60]}…",
        " ".join(INSTRUCTIONS),
    ],
)
def test_text_that_repeats_the_instructions_is_hidden(text: str) -> None:
    assert make_redactor().text(f"Error: {text} is invalid.") is None


@pytest.mark.parametrize("text", ["The agent must be brief.", "Never mention", ""])
def test_text_that_shares_a_few_words_with_the_instructions_stays(text: str) -> None:
    assert make_redactor().text(text) == text


@given(st.text("abc \n\\\"'", min_size=60), st.integers(0, 30))
def test_any_part_of_sufficient_length_is_found(text: str, start: int) -> None:
    part = "".join(c for c in text[start:] if c not in " \n\\\"'")
    redactor = make_redactor(text.replace("\\", ""))
    assert (redactor.text(text[start:].replace("\\", "")) is None) is (len(part) >= 24)


@pytest.mark.parametrize("size", [1_000_000, 4_000_000])
def test_long_texts_are_compared(size: int) -> None:
    assert make_redactor("a" * size).text("b" * size + "\\" * size) is not None
    assert make_redactor("a" * size).text("b" * size + "a" * 24) is None


@pytest.mark.parametrize(
    "name", ["harbour/private-7", "HARBOUR/private-7", "harbour%2Fprivate-7", "harbour\\/private-7"]
)
def test_private_model_name_becomes_the_public_one(name: str) -> None:
    assert make_redactor().text(f"The model '{name}' is overloaded; {name}-v2 too.") == (
        "The model 'fast' is overloaded; fast-v2 too."
    )


@pytest.mark.parametrize(("model", "public"), [("fast", "fast"), ("", "fast"), ("ast", "quick")])
def test_other_words_stay(model: str, public: str) -> None:
    assert make_redactor(model=model, public=public).text("The fast model.") == "The fast model."


def clean(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    cleaning.clean(body, make_redactor(**options))
    return body


@pytest.mark.parametrize("part", ["delta", "message"])
def test_output_of_the_model_stays(part: str) -> None:
    output = {"content": INSTRUCTIONS, "reasoning": KEY, "tool_calls": [{"function": {"arguments": INSTRUCTIONS}}]}
    body = {"id": "1", "choices": [{"index": 0, part: output}]}
    assert clean(json.loads(json.dumps(body))) == body


def test_unknown_fields_are_redacted_at_every_depth() -> None:
    unknown = {"a": [INSTRUCTIONS, {"b": f"key {KEY}", "c": 1, "d": None}], "e": "harbour/private-7"}
    hidden = {"a": [HIDDEN, {"b": f"key {HIDDEN}", "c": 1, "d": None}], "e": "fast"}
    body = {"x": unknown, "choices": [{"x": unknown, "delta": {"x": unknown}}]}
    assert clean(json.loads(json.dumps(body))) == {"x": hidden, "choices": [{"x": hidden, "delta": {"x": hidden}}]}


@pytest.mark.parametrize("name", ["prompt", "prompt_logprobs", "prompt_token_ids", "prompt_text", "__verbose"])
def test_repeated_prompt_is_dropped_unless_allowed(name: str) -> None:
    body = {name: [1], "choices": [{name: [1], "delta": {}}], "x": {name: [1]}}
    assert clean(json.loads(json.dumps(body))) == {"choices": [{"delta": {}}], "x": {}}
    assert clean(json.loads(json.dumps(body)), allow_prompt_echo=True) == body


@pytest.mark.parametrize("choices", [None, 1, "x", {}, [None, 1, "x", {"delta": None, "message": 1}]])
def test_choices_of_another_type_are_left_alone(choices: Any) -> None:
    assert clean({"choices": choices}) == {"choices": choices}


def test_long_id_is_read_in_linear_time() -> None:
    value = "a" * 100_000 + "/"
    assert make_redactor().names({"id": value}, ["id"]) == {}


def test_id_of_several_words_may_repeat_the_instructions() -> None:
    redactor = make_redactor("You are the agent of the kit shop.")
    assert redactor.names({"id": "You are the agent of the kit shop."}, ["id"]) == {"id": HIDDEN}
