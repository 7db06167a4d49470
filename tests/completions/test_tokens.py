"""Tokens that the upstream did not count."""

from __future__ import annotations

from typing import Any

import pytest

from threadless.completions.tokens import count_tokens, estimate_tokens


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("模型", 2), ("\ud800", 1)])
def test_estimate_is_a_quarter_of_the_bytes_rounded_up(text: str, tokens: int) -> None:
    assert estimate_tokens(text, "any") == tokens


def test_count_of_no_text_is_zero() -> None:
    assert count_tokens("", "any") == 0


def test_count_follows_configured_counter(settings: Any) -> None:
    settings.THREADLESS = {"TOKEN_COUNTER": lambda text, model: len(text) + len(model)}
    assert count_tokens("four", "m") == 5


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4-turbo", 9), ("gpt-4.1-mini", 8), ("a/model-of-others", 8)])
def test_offline_counter_is_exact_by_the_vocabulary_of_the_model(settings: Any, model: str, tokens: int) -> None:
    settings.THREADLESS = {"TOKEN_COUNTER": "threadless.contrib.rs_bpe.count"}
    assert count_tokens("お誕生日おめでとう", model) == tokens


def test_offline_counter_survives_text_that_is_none(settings: Any) -> None:
    settings.THREADLESS = {"TOKEN_COUNTER": "threadless.contrib.rs_bpe.count"}
    assert count_tokens("\ud800", "gpt-4.1") == 1


def test_counter_that_fails_is_replaced_by_the_estimate(settings: Any) -> None:
    def refuse(text: str, model: str) -> int:
        raise ValueError("special token <|endoftext|>")

    settings.THREADLESS = {**settings.THREADLESS, "TOKEN_COUNTER": refuse}
    assert count_tokens("abcde", "any") == 2
