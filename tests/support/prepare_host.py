"""`python -m tests.support.prepare_host`: migrate the example host's database, create a user, print their key."""

from __future__ import annotations

import os

import django
from django.core.management import call_command


def main() -> None:
    """The key is the last line of the output."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    print(make_key())


def make_key() -> str:
    """The raw key of `alice`, who is a member of the organisation `harbour`."""
    from django.contrib.auth import get_user_model  # models exist only after the setup

    from project.accounts.models import ApiKey, Membership, Organisation

    user = get_user_model().objects.create_user("alice", "alice@example.com", "password")
    organisation = Organisation.objects.create(name="Harbour", slug="harbour")
    Membership.objects.create(user=user, organisation=organisation)
    secret: str = ApiKey.objects.issue(name="laptop", user=user, organisation=organisation, scopes=["CHATS:WRITE"])[1]
    return secret


if __name__ == "__main__":
    main()
