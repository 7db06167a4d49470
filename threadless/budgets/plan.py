"""`Plan`: which counters a call charges, and how much of each it holds. It lives from the gate to the last step."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn, TypeAlias

import msgspec

from threadless.budgets import counters, known
from threadless.budgets.conf import conf
from threadless.budgets.known import Chain, KnownBudget
from threadless.budgets.models import MAX_LIMIT, Action, Unit
from threadless.budgets.needs import Need
from threadless.budgets.periods import end_of, start_of
from threadless.encoding import encode
from threadless.exceptions import APIError, InsufficientQuota, RateLimited, retry_headers
from threadless.usage.hooks import TryAgain
from threadless.usage.joint_sql import Update

NAME: Final = "budgets"
"""The name of our ledger hook, under which it finds the plan of a call."""
_SMALLEST_STEP: Final = 16
_SHRINK: Final = 4

Held: TypeAlias = dict[int, tuple[str, int, bool]]
"""By counter: the unit, the amount, and whether the budget only notifies."""
decode_held = msgspec.json.Decoder(Held).decode
"""The content of a hook's state."""


class Share:
    """The part of a call that one chain of budgets pays: all of it, charged to the first that has room."""

    budget: KnownBudget
    """The budget that pays."""
    counter: int
    """Its counter of the current period."""
    only_notifies: bool
    """True if the budget never refuses a call, so that nothing is reserved."""

    def __init__(self, using: str, chain: Chain, now: datetime) -> None:
        self._places = [
            (budget, starts_at, counter)
            for budget in chain
            if (counter := counters.counter_id(using, budget.id, starts_at := start_of(budget.period, now))) is not None
        ]
        self.exists = bool(self._places)
        """False if all budgets of the chain have just been deleted."""
        if self.exists:
            self._take_first()

    def turn_to_next(self) -> bool:
        """Charge the next budget of the chain instead. False if there is none."""
        if len(self._places) == 1:
            return False
        del self._places[0]
        self._take_first()
        return True

    def _take_first(self) -> None:
        self.budget, _, self.counter = self._places[0]
        self.only_notifies = self.budget.action == Action.NOTIFY

    def refusal(self) -> APIError:
        """The error for a call that the budget has no room for."""
        budget, starts_at, _ = self._places[0]
        if budget.unit == Unit.CONCURRENT:
            text = f"Too many concurrent calls: the budget of {_named(budget)} is in use."
            return RateLimited(text, headers=retry_headers(1))
        ends_at = end_of(budget.period, starts_at)
        when = f"It resets at {ends_at.isoformat()}." if ends_at else "It does not reset."
        kind = budget.unit if ends_at is None else f"{budget.unit} per {budget.period}"
        return InsufficientQuota(f"The budget of {_named(budget)} ({kind}) has no room for this call. {when}")


class Plan:
    """The reservations of one call."""

    def __init__(self, using: str, chains: tuple[Chain, ...], need: Need, now: datetime) -> None:
        self.using = using
        self.output = need.output
        """Tokens of output that are reserved."""
        self.refused_by: int | None = None
        """The counter that had no room for the call."""
        self._need = need
        self._shares = [share for chain in chains if (share := Share(using, chain, now)).exists]
        for share in self._shares:
            self._check_price(share)

    @property
    def grows(self) -> bool:
        """True if more must be reserved when there is more output than now is reserved for."""
        return self._need.is_stepwise and bool(self.growing())

    def growing(self) -> list[Share]:
        """The shares that must hold more when there is more output."""
        return [
            share for share in self._shares if share.budget.unit in (Unit.TOKENS, Unit.COST) and not share.only_notifies
        ]

    def amount(self, share: Share, output: int) -> int:
        """What this share must hold for so many tokens of output."""
        return 0 if share.only_notifies else self._need.amount(share.budget.unit, output) or 0

    def held(self, output: int) -> Held:
        """What the call must hold for so many tokens of output, by counter in the order in which they are locked."""
        shares = self._shares
        if len(shares) > 1:
            shares = sorted(shares, key=lambda share: share.counter)
        return {share.counter: (share.budget.unit, self.amount(share, output), share.only_notifies) for share in shares}

    def reserve(self) -> str:
        """Reserve everything, in a transaction, and return the state of the hook.

        Raises the refusal, or `TryAgain` after a change of the plan.
        """
        held = self.held(self.output)
        for counter, (_, amount, only_notifies) in held.items():
            if only_notifies or (amount <= MAX_LIMIT and counters.reserve(self.using, counter, amount)):
                continue
            self._give_way(next(share for share in self._shares if share.counter == counter))
        return encode_held(held)

    def reservation(self) -> tuple[Update, str] | None:
        """The UPDATE that reserves everything, and the state of the hook; None if it takes more than one UPDATE."""
        if not self._shares or any(share.only_notifies for share in self._shares):
            return None
        held = self.held(self.output)
        amounts = {counter: amount for counter, (_, amount, _) in held.items()}
        if max(amounts.values()) > MAX_LIMIT:
            return None
        return counters.reserving(self.using, amounts), encode_held(held)

    def _give_way(self, share: Share) -> NoReturn:
        """What to try when a counter has no room: the next budget, a smaller step, or nothing."""
        if not counters.room(self.using, [share.counter]):  # the budget was deleted
            known.forget()
            counters.forget()
            self._shares.remove(share)
            raise TryAgain
        if share.turn_to_next():
            raise TryAgain
        if self._need.is_stepwise and share in self.growing() and self.output > _SMALLEST_STEP:
            self.output = max(self.output // _SHRINK, _SMALLEST_STEP)
            raise TryAgain
        self.refused_by = share.counter
        raise share.refusal()

    def _check_price(self, share: Share) -> None:
        budget = share.budget
        if budget.unit != Unit.COST or share.only_notifies or conf.budget_unpriced == "admit":
            return
        if self._need.amount(Unit.COST, self.output) is None:
            raise InsufficientQuota(
                f"The model '{self._need.target.id}' has no price, so the budget of {_named(budget)} cannot pay for it."
            )


def encode_held(held: Held) -> str:
    """The state of the hook: what the call holds."""
    return encode({str(counter): each for counter, each in held.items()}).decode()


def _named(budget: KnownBudget) -> str:
    kind, name = budget.subject
    return f"the {kind} '{name}'" if name else f"the {kind}"
