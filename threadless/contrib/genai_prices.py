"""The public prices of many models, offline: `"PRICER": "threadless.contrib.genai_prices.cost"`.

Install it with `pip install "django-threadless[prices]"`. The prices are part of the package and change with its
versions. They are in US dollars, so the cost is unknown if `CURRENCY` is another currency.
"""

from __future__ import annotations

from genai_prices import Usage as TokenCounts
from genai_prices import calc_price

from threadless.conf import conf
from threadless.money import to_nano
from threadless.pricing import cost_by_price
from threadless.types import Target, Usage


def cost(target: Target, usage: Usage, reported: int | None) -> int | None:
    """The cost by the target's own price, otherwise by the public price of the upstream's model; None if unknown."""
    if target.price is not None:
        return cost_by_price(target, usage, reported)
    if conf.currency != "USD":
        return None
    counts = TokenCounts(
        input_tokens=usage.prompt_tokens, cache_read_tokens=usage.cached_tokens, output_tokens=usage.completion_tokens
    )
    try:
        return to_nano(calc_price(counts, model_ref=target.model).total_price)
    except LookupError:  # a model without a public price
        return None
