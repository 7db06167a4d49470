"""The demo's user, agents and key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.contrib.auth.models import User
from django.core.management import CommandError
from django.db import transaction
from django.utils.crypto import get_random_string

from project.accounts.models import ApiKey, Membership, Organisation
from project.agents.models import Agent
from project.quickstart import places, secrets_file
from project.quickstart.demo_calls import create_demo_calls
from threadless.keys.secrets import digest

USERNAME: Final = "demo"
EMAIL: Final = "demo@demo.invalid"
"""Marks our own user: a database may have somebody else called "demo"."""
KEY_NAME: Final = "Quickstart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo prints. The database has only hashes of password and key."""

    username: str
    password: str = field(repr=False)
    key_id: str
    key: str = field(repr=False)
    agent_id: str


def create_demo_data(database: str, path: Path = places.SECRETS) -> Demo:
    """Create what is missing. Password and key are those of the previous start, if their file at `path` still exists.

    `database`: the URL of the database, because the file is for one database only.
    """
    kept = secrets_file.read(path, database)
    demo = _create(kept["password"] if kept else get_random_string(16), kept["key"] if kept else "")
    secrets_file.write(path, {"database": database, "password": demo.password, "key": demo.key})
    return demo


@transaction.atomic
def _create(password: str, secret: str) -> Demo:
    organisation, _ = Organisation.objects.get_or_create(slug="demo", defaults={"name": "Demo organisation"})
    user = create_user(password)
    Membership.objects.get_or_create(user=user, organisation=organisation, defaults={"role": Membership.Role.MANAGER})
    agent = create_agents(user, organisation)
    create_demo_calls(user, organisation, agent)
    present = ApiKey.objects.filter(user=user, name=KEY_NAME, revoked_at=None)
    key = present.filter(digest=digest(secret)).first()
    if key is None:
        for old in present:
            old.revoke()
        key, secret = ApiKey.objects.issue(name=KEY_NAME, user=user, organisation=organisation, scopes=["CHATS:WRITE"])
    return Demo(username=USERNAME, password=password, key_id=str(key.pk), key=secret, agent_id=agent.public_id)


def create_user(password: str) -> User:
    """The demo's staff user, with this password; raises `CommandError` if the name belongs to somebody else."""
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
