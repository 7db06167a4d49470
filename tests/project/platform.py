"""What most tests of the example host begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from project.accounts.models import ApiKey, Membership, Organisation
from project.agents.models import Agent


@dataclass(frozen=True, kw_only=True)
class Platform:
    """One organisation, its member and the member's key."""

    organisation: Organisation
    member: User
    key: ApiKey
    secret: str

    @classmethod
    def create(cls) -> Platform:
        organisation = Organisation.objects.create(name="Acme", slug="acme")
        member = User.objects.create_user("ada", password="correct horse battery")
        Membership.objects.create(user=member, organisation=organisation)
        key, secret = ApiKey.objects.issue(name="ci", user=member, organisation=organisation, scopes=["CHATS:WRITE"])
        return cls(organisation=organisation, member=member, key=key, secret=secret)

    def agent(self, **fields: Any) -> Agent:
        """An agent of the member's."""
        return Agent.objects.create(
            **{"name": "Guide", "owner": self.member, "organisation": self.organisation, "model": "small"} | fields
        )

    def post(self, body: Any, path: str = "/api/v1/chat/completions") -> Any:
        """A call with the key."""
        return Client().post(path, body, content_type="application/json", headers=self.authorization)

    def get(self, path: str) -> Any:
        """A GET with the key."""
        return Client().get(path, headers=self.authorization)

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def stranger(organisation: Organisation | None = None) -> User:
    """Another user, of another organisation or of none."""
    user = User.objects.create_user("eve")
    if organisation is not None:
        Membership.objects.create(user=user, organisation=organisation)
    return user
