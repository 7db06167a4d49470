"""All that the desk writes to plug threadless in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, transaction

from tests.hosts.helpdesk.desk import credentials, robot
from tests.hosts.helpdesk.desk.models import Member, UsageLine
from threadless.exceptions import NotAuthenticated
from threadless.keys.adapters import BaseKeyAdapter
from threadless.resolvers import BaseResolver
from threadless.types import Caller, Target
from threadless.usage.recorder import DatabaseUsageRecorder, Opening, Outcome


def answer(payload: dict[str, Any], caller: Caller) -> Iterator[str]:
    """The desk's LLM path."""
    return robot.words(payload["messages"])


class DeskKeyAdapter(BaseKeyAdapter):
    """Credentials of the desk."""

    def authenticate(self, secret: str) -> tuple[Member, Caller]:
        credential = credentials.find(secret)
        if credential is None:
            raise NotAuthenticated("No such credential.")
        return credential.bearer, Caller(
            user_id=credential.bearer_id,
            key_id=credential.public_part,
            label=credential.remark,
            scopes=frozenset(credential.rights.values_list("code", flat=True)),
        )


class DeskResolver(BaseResolver):
    """One robot."""

    def list(self, caller: Caller) -> list[Target]:
        return [Target(id="robot", model="robot-mk2", kind="agent", backend="robot", owned_by="desk")]


class DeskRecorder(DatabaseUsageRecorder):
    """The ledger, and a line in the desk's own table for every call that ended."""

    def open(self, opening: Opening) -> Any:
        return super().open(opening), opening

    def settle(self, entry: Any, outcome: Outcome) -> None:
        ledger_entry, opening = entry
        with suppress(DatabaseError):  # the ledger below keeps trying; a line may be made from it later
            self._write_line(opening, outcome)
        super().settle(ledger_entry, outcome)

    @transaction.atomic
    def _write_line(self, opening: Opening, outcome: Outcome) -> None:
        usage = outcome.usage
        UsageLine.objects.create(
            member_id=opening.caller.user_id,
            reference=opening.request_id,
            tokens=usage.prompt_tokens + usage.completion_tokens if usage else 0,
            went_well=outcome.state == "completed",
        )
