"""The demo's user, agents and key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.models import User
from django.core.management import CommandError
from django.db import transaction
from django.utils.crypto import get_random_string

from project.accounts.models import ApiKey, Membership, Organisation
from project.agents.models import Agent

USERNAME: Final = "demo"
EMAIL: Final = "demo@demo.invalid"
"""Marks our own user: a database may have somebody else called "demo"."""
KEY_NAME: Final = "Quickstart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo prints. Password and key cannot be read from the database later."""

    username: str
    password: str = field(repr=False)
    key_id: str
    key: str = field(repr=False)
    agent_id: str


@transaction.atomic
def create_demo_data() -> Demo:
    """Create what is missing. Password and key are new each time; the previous key is revoked."""
    organisation, _ = Organisation.objects.get_or_create(slug="demo", defaults={"name": "Demo organisation"})
    password = get_random_string(16)
    user = create_user(password)
    Membership.objects.get_or_create(user=user, organisation=organisation, defaults={"role": Membership.Role.MANAGER})
    agent = create_agents(user, organisation)
    for old in ApiKey.objects.filter(user=user, name=KEY_NAME, revoked_at=None):
        old.revoke()
    key, secret = ApiKey.objects.issue(name=KEY_NAME, user=user, organisation=organisation, scopes=["CHATS:WRITE"])
    return Demo(username=USERNAME, password=password, key_id=str(key.pk), key=secret, agent_id=agent.public_id)


def create_user(password: str) -> User:
    """The demo's staff user, with a new password; raises `CommandError` if the name belongs to somebody else."""
    user, is_new = User.objects.get_or_create(username=USERNAME, defaults={"email": EMAIL})
    if not is_new and user.email != EMAIL:
        raise CommandError(f"The database already has a user {USERNAME!r}. Use another database for the demo.")
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return user


def create_agents(user: User, organisation: Organisation) -> Agent:
    """Create two agents and return the one that the demo calls."""
    parameters = {"temperature": 0, "max_tokens": 200}
    guide, _ = Agent.objects.get_or_create(
        name="Geography guide",
        organisation=organisation,
        owner=user,
        defaults={
            "instructions": "You know the countries of the world and their capitals.",
            "visibility": Agent.Visibility.ORGANISATION,
            "parameters": parameters,
        },
    )
    Agent.objects.get_or_create(
        name="Plain writer",
        organisation=organisation,
        owner=user,
        defaults={
            "instructions": "Rewrite the given text in plain words.",
            "visibility": Agent.Visibility.PRIVATE,
            "parameters": parameters,
        },
    )
    return guide
