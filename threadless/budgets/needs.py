"""How much a call needs, before anyone knows how much it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from threadless.budgets.conf import conf
from threadless.budgets.models import Unit
from threadless.completions.estimate import prompt_tokens
from threadless.pricing import cost_nano
from threadless.types import ChatRequest, Target, Usage
from threadless.usage.base import Outcome
from threadless.usage.columns import MAX_BIG_INTEGER, bounded

if TYPE_CHECKING:
    from threadless.calls.call import Call


class Need(msgspec.Struct, frozen=True):
    """The tokens of a call: the estimate of its prompt with a margin, and the most that it may produce."""

    target: Target
    prompt: int
    output: int
    is_stepwise: bool
    """True for a stream without a limit: `output` is then only the first step."""

    @classmethod
    def of(cls, call: Call) -> Need:
        """The need of a call. The client's limit counts, otherwise the target's, otherwise that of the setting."""
        prompt, target, asked = _with_margin(call.account.prompt_estimate()), call.target, call.asked
        known = [limit for limit in (asked.max_output_tokens, target.max_output_tokens) if limit]
        step = conf.budget_step_tokens
        if asked.is_stream and not asked.max_output_tokens and step is not None:
            return cls(target, prompt, min([step, *known]), True)
        return cls(target, prompt, min(known or [conf.budget_output_tokens]) * _answers(call), False)

    @classmethod
    def of_request(cls, request: ChatRequest, target: Target, output_tokens: int | None) -> Need:
        """The need of a chat of the platform, which is known at once."""
        known = [limit for limit in (output_tokens, target.max_output_tokens) if limit]
        output = min(known or [conf.budget_output_tokens])
        return cls(target, _with_margin(prompt_tokens(request, target)), output, False)

    def amount(self, unit: str, output: int) -> int | None:
        """How much of a budget this much output needs. None if the price is unknown."""
        if unit == Unit.TOKENS:
            return self.prompt + output
        if unit != Unit.COST:
            return 1
        usage = Usage(prompt_tokens=self.prompt, completion_tokens=output)
        cost = cost_nano(self.target, usage)
        if cost is None or "reasoning" not in (self.target.price or ()):
            return cost
        # All of it may be reasoning, which may have a higher price.
        return max(cost, cost_nano(self.target, msgspec.structs.replace(usage, reasoning_tokens=output)) or 0)


def used(unit: str, outcome: Outcome) -> int:
    """How much of a budget a call has used: the numbers of its row."""
    if unit == Unit.CALLS:
        return 1
    if unit == Unit.TOKENS:
        usage = outcome.usage
        return bounded(usage.prompt_tokens) + bounded(usage.completion_tokens) if usage else 0
    return bounded(outcome.cost_nano or 0, MAX_BIG_INTEGER) if unit == Unit.COST else 0


def _with_margin(prompt: int) -> int:
    """The estimate of a prompt with the margin, rounded up."""
    return prompt - (-prompt * conf.budget_prompt_margin // 100)


def _answers(call: Call) -> int:
    """How many answers the client asks for."""
    number = call.asked.request.get("n")
    return number if isinstance(number, int) and number > 0 else 1
