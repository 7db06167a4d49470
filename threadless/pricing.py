"""What a call costs: from a price, from the upstream's own word, or from the function of the setting `PRICER`.

A price is a mapping of `prompt`, `cached`, `completion` and `reasoning` to an amount per million tokens, and of `call`
to an amount per call. `cached` and `reasoning` are parts of the other two and default to them. Amounts are `Decimal`,
`str` or `int`, never `float`, so that sums are exact.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from threadless.conf import conf
from threadless.money import MAX_COST_NANO, NANO
from threadless.types import Target, Usage

logger = logging.getLogger("threadless")

Pricer: TypeAlias = Callable[[Target, Usage, int | None], int | None]
"""The setting `PRICER`: `(target, usage, reported) -> cost`. Both costs are in nano units; None: unknown."""

_PARTS: Final = ("prompt", "cached", "completion", "reasoning", "call")
_NEEDED: Final = ("prompt", "completion")
_PER_MILLION: Final = Decimal(NANO // 1_000_000)
"""Turns an amount per million tokens into nano units per token."""
_EXACT: Final = Context(prec=80)
"""Enough digits that sums are never rounded."""
_MAX_AMOUNT: Final = Decimal(MAX_COST_NANO // NANO)


def cost_nano(target: Target, usage: Usage | None) -> int | None:
    """The cost of this usage in nano units. None if it is unknown, which includes a `PRICER` that fails."""
    if usage is None:
        return None
    try:
        cost = conf.pricer(target, usage, usage.reported_cost_nano)
    except Exception:  # the answer must still go out
        logger.exception("PRICER failed; the cost is unknown.")
        return None
    if cost is None or (type(cost) is int and 0 <= cost <= MAX_COST_NANO):
        return cost
    logger.error("PRICER returned an invalid cost; the cost is unknown.")
    return None


def cost_by_price(target: Target, usage: Usage, reported: int | None) -> int | None:  # noqa: ARG001
    """The cost by the target's price; None without a price. Rounded once, half to even.

    Raises `ValueError` if the price is invalid.
    """
    price = target.price
    if price is None:
        return None
    prompt, completion = price.get("prompt"), price.get("completion")
    tokens = (
        (usage.prompt_tokens - usage.cached_tokens, prompt),
        (usage.cached_tokens, price.get("cached", prompt)),
        (usage.completion_tokens - usage.reasoning_tokens, completion),
        (usage.reasoning_tokens, price.get("reasoning", completion)),
    )
    total = _EXACT.multiply(_amount(price.get("call", 0)), NANO)
    for count, amount in tokens:
        if not count:
            continue
        if amount is None:
            return None
        total = _EXACT.fma(_EXACT.multiply(_amount(amount), _PER_MILLION), count, total)
    return int(total.to_integral_value(ROUND_HALF_EVEN))


def reported_or_price(target: Target, usage: Usage, reported: int | None) -> int | None:
    """The cost that the upstream names itself, as OpenRouter does in `usage.cost`; otherwise the cost by the price."""
    return cost_by_price(target, usage, reported) if reported is None else reported


def faults_of_price(price: Any) -> Iterator[str]:
    """What is wrong with the price of an entry of `MODELS`, as ends of the sentence "It has a price …"."""
    if not isinstance(price, Mapping):
        yield "that is not a dict"
        return
    for name in price:
        if name not in _PARTS:
            yield f"with an unknown part {name!r}. Known parts: {', '.join(_PARTS)}"
        elif fault := _fault_of_amount(price[name]):
            yield f"whose {name!r} {fault}"
    for name in _NEEDED:
        if name not in price:
            yield f"without {name!r}, which may be '0'"


def _fault_of_amount(value: Any) -> str:
    try:
        _amount(value)
    except ValueError as error:
        return str(error)
    return ""


def _amount(value: Any) -> Decimal:
    """An amount of a price; raises `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise ValueError(f"is a {type(value).__name__}. Use a string, such as '0.15', or a Decimal")
    try:
        amount = Decimal(value)
        is_valid = 0 <= amount <= _MAX_AMOUNT
    except InvalidOperation:  # text, or NaN
        is_valid = False
    if not is_valid:
        raise ValueError(f"must be a number from 0 to {_MAX_AMOUNT}")
    return amount
