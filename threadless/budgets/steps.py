"""Extends the reservation of a stream of unknown length while it runs."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from threadless.budgets import counters
from threadless.budgets.conf import conf
from threadless.budgets.plan import Held, Plan, Share, encode_held
from threadless.exceptions import UpstreamTimeout
from threadless.usage.hooks import replace_state

_PART_OF_ROOM: Final = 32
"""A step takes at most this part of what is left, so that many streams can use up a budget together."""
_PART_OF_OUTPUT: Final = 8
"""A step is at least this part of the output so far, so that a long stream extends seldom."""
_SMALLEST_STEP: Final = 16
_ATTEMPTS: Final = 5


class _NoRoom(Exception):
    """Another call was faster."""


def extend(plan: Plan, entry: Any, produced: int, name: str) -> None:
    """Reserve a further step of output. Raises the refusal if a budget has no room left for a single token.

    `produced` is the output so far, which may exceed the last step by a chunk.
    """
    before, output = plan.held(plan.output), max(plan.output, produced)
    for _ in range(_ATTEMPTS):
        share, step = _step(plan, before, output)
        if step < 1:
            if share.turn_to_next():  # it pays for the whole call
                continue
            raise share.refusal()
        try:
            _reserve(plan, entry, before, output + step, name)
        except _NoRoom:
            continue
        plan.output = output + step
        return
    raise share.refusal()


def _step(plan: Plan, before: Held, output: int) -> tuple[Share, int]:
    """The share with the least room, and the tokens that it allows."""
    shares = plan.growing()
    left = counters.room(plan.using, [share.counter for share in shares])
    steps = [(share, _tokens(plan, share, before, output, left.get(share.counter, 0))) for share in shares]
    return min(steps, key=lambda found: found[1])


def _tokens(plan: Plan, share: Share, before: Held, output: int, left: int) -> int:
    """The tokens of the next step within what is left of one budget."""
    step = max(conf.budget_step_tokens or 1, output // _PART_OF_OUTPUT)
    _, holds, _ = before.get(share.counter, ("", 0, False))
    left += holds - plan.amount(share, output)
    price = plan.amount(share, output + step) - plan.amount(share, output)
    if left < 0 or price <= 0:
        return step if left >= 0 else 0
    affordable = left * step // price
    return min(step, affordable, max(affordable // _PART_OF_ROOM, _SMALLEST_STEP))


def _reserve(plan: Plan, entry: Any, before: Held, output: int, name: str) -> None:
    """Write the new state and reserve the difference: the usage record first, then the counters by id."""
    after = plan.held(output)
    with transaction.atomic(using=plan.using, durable=True):
        if not replace_state(entry, name, encode_held(after)):
            raise UpstreamTimeout("The call exceeded its time limit.")  # a sweep has given back what it held
        for counter in sorted({*before, *after}):
            _, wanted, _ = after.get(counter, ("", 0, False))
            _, holds, _ = before.get(counter, ("", 0, False))
            if wanted > holds and not counters.reserve(plan.using, counter, wanted - holds):
                raise _NoRoom
            if wanted < holds:
                counters.settle(plan.using, counter, spent=0, held=holds - wanted)
