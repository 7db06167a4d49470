"""Whose calls a budget covers: a key, a user, an account, or the whole platform."""

from __future__ import annotations

from typing import Final, NamedTuple

from threadless.budgets.models import SubjectKind
from threadless.types import Caller


class Subject(NamedTuple):
    """One key, user or account, by its primary key or name as text."""

    kind: str
    id: str = ""


_KEY: Final = SubjectKind.KEY.value
_USER: Final = SubjectKind.USER.value
_ACCOUNT: Final = SubjectKind.ACCOUNT.value

PLATFORM: Final = Subject(SubjectKind.PLATFORM.value)
"""All calls."""


def key(key_id: object) -> Subject:
    """The key with this primary key."""
    return Subject(_KEY, str(key_id))


def user(user_id: object) -> Subject:
    """The user with this primary key."""
    return Subject(_USER, str(user_id))


def account(name: str) -> Subject:
    """The account with this name, as in `Caller.account`."""
    return Subject(_ACCOUNT, name)


def subjects_of(caller: Caller) -> tuple[Subject, ...]:
    """Everyone whose budgets a call of this caller uses."""
    found = [PLATFORM]
    if caller.key_id:
        found.append(Subject(_KEY, str(caller.key_id)))
    if caller.user_id is not None:
        found.append(Subject(_USER, str(caller.user_id)))
    if caller.account:
        found.append(Subject(_ACCOUNT, caller.account))
    return tuple(found)
