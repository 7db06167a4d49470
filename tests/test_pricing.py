"""What a call costs, to the nano unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fixtures import Configure
from threadless.money import MAX_COST_NANO, from_nano, to_nano
from threadless.pricing import cost_by_price, cost_nano, faults_of_price, reported_or_price
from threadless.types import Target, Usage

USAGE = Usage(prompt_tokens=1000, cached_tokens=200, completion_tokens=500, reasoning_tokens=100)


def target(**price: Any) -> Target:
    return Target(id="small", model="upstream-small", price=price or None)


@pytest.mark.parametrize(
    ("price", "nano"),
    [
        ({"prompt": "2", "completion": "8"}, 6_000_000),
        ({"prompt": "2", "completion": "8", "cached": "1"}, 5_800_000),
        ({"prompt": "2", "completion": "8", "reasoning": "10"}, 6_200_000),
        ({"prompt": "2", "completion": "8", "call": "0.01"}, 16_000_000),
        ({"prompt": Decimal("0.15"), "completion": 0}, 150_000),
    ],
)
def test_cached_and_reasoning_tokens_replace_the_others(price: dict[str, Any], nano: int) -> None:
    assert cost_nano(target(**price), USAGE) == nano


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_sum_is_rounded_once_half_to_even(tokens: int, nano: int) -> None:
    usage = Usage(prompt_tokens=tokens, completion_tokens=0)
    assert cost_nano(target(prompt="0.0005", completion="0"), usage) == nano


@given(
    amounts=st.lists(st.decimals(0, 1000, places=7), min_size=4, max_size=4),
    counts=st.lists(st.integers(0, 10**7), min_size=4, max_size=4),
)
def test_cost_is_the_exact_sum(amounts: list[Decimal], counts: list[int]) -> None:
    prompt, cached, completion, reasoning = counts
    usage = Usage(
        prompt_tokens=prompt + cached,
        cached_tokens=cached,
        completion_tokens=completion + reasoning,
        reasoning_tokens=reasoning,
    )
    price = dict(zip(("prompt", "cached", "completion", "reasoning"), amounts, strict=True))
    in_ten_thousandths = sum(
        int(amount * 10**7) * count
        for amount, count in zip(amounts, (prompt, cached, completion, reasoning), strict=True)
    )
    cost = cost_by_price(target(**price), usage, None)
    assert cost is not None
    assert abs(cost * 10_000 - in_ten_thousandths) <= 5_000


@pytest.mark.parametrize("price", [{}, {"completion": "1"}, {"prompt": "1"}, {"call": "1"}])
def test_cost_is_unknown_if_a_part_of_the_price_is_missing(price: dict[str, str]) -> None:
    assert cost_nano(target(**price), USAGE) is None


def test_part_that_is_not_needed_may_be_missing() -> None:
    assert cost_nano(target(prompt="1"), Usage(prompt_tokens=1000)) == 1_000_000


def test_cost_is_unknown_without_a_usage() -> None:
    assert cost_nano(target(prompt="1", completion="1"), None) is None


@pytest.mark.parametrize("amount", [0.1, "a", "-1", "NaN", "inf", "1000001", True, None, []])
def test_invalid_price_makes_cost_unknown(amount: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert cost_nano(target(prompt=amount, completion=amount, call=amount), USAGE) is None
    assert "PRICER failed" in caplog.text


@pytest.mark.parametrize(
    ("price", "faults"),
    [
        ({"prompt": "1", "completion": "0"}, []),
        ("1", ["that is not a dict"]),
        ({"prompt": "1"}, ["without 'completion', which may be '0'"]),
        (
            {"prompt": 0.15, "completion": "1"},
            ["whose 'prompt' is a float. Use a string, such as '0.15', or a Decimal"],
        ),
        ({"prompt": "1", "completion": "x"}, ["whose 'completion' must be a number from 0 to 1000000"]),
        (
            {"prompt": "1", "completion": "1", "image": "1"},
            ["with an unknown part 'image'. Known parts: prompt, cached, completion, reasoning, call"],
        ),
    ],
)
def test_faults_of_a_price_are_named(price: Any, faults: list[str]) -> None:
    assert list(faults_of_price(price)) == faults


def reports_nothing_valid(target: Target, usage: Usage, reported: int | None) -> Any:
    return {"float": 1.5, "negative": -1, "huge": MAX_COST_NANO + 1, "bool": True}[target.id]


@pytest.mark.parametrize("kind", ["float", "negative", "huge", "bool"])
def test_invalid_cost_of_pricer_is_unknown(kind: str, configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    configure(PRICER=reports_nothing_valid)
    assert cost_nano(Target(id=kind, model="m"), USAGE) is None
    assert "invalid cost" in caplog.text


@pytest.mark.parametrize(("reported", "nano"), [(None, 6_000_000), (0, 0), (77, 77)])
def test_reported_cost_is_used_if_the_pricer_says_so(reported: int | None, nano: int) -> None:
    assert reported_or_price(target(prompt="2", completion="8"), USAGE, reported) == nano


def test_public_price_is_used_for_a_model_without_a_price(configure: Configure) -> None:
    configure(PRICER="threadless.contrib.genai_prices.cost")
    assert (cost_nano(Target(id="small", model="gpt-4o"), USAGE) or 0) > 1_000_000
    assert cost_nano(Target(id="small", model="gpt-4o", price={"prompt": "0", "completion": "0"}), USAGE) == 0
    assert cost_nano(Target(id="small", model="a model of our own"), USAGE) is None
    configure(CURRENCY="EUR")
    assert cost_nano(Target(id="small", model="gpt-4o"), USAGE) is None


@pytest.mark.parametrize(
    ("amount", "nano"),
    [
        (0.00014, 140_000),
        ("0.1", 100_000_000),
        (1, 1_000_000_000),
        (0, 0),
        (1e-10, 0),
    ],
)
def test_amount_in_nano_units(amount: Any, nano: int) -> None:
    assert to_nano(amount) == nano


@pytest.mark.parametrize("value", [-0.1, True, None, "x", float("nan"), float("inf"), 1e300, [], {}], ids=repr)
def test_invalid_amount_is_none(value: Any) -> None:
    assert to_nano(value) is None


@pytest.mark.parametrize(("nano", "text"), [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (10**11, "100")])
def test_amount_of_nano_units_is_exact(nano: int, text: str) -> None:
    assert f"{from_nano(nano):f}" == text
