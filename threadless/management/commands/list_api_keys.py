"""`manage.py list_api_keys`: the keys as JSON. No secret can be shown: only hashes are stored."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder

from threadless.keys.models import AbstractAPIKey
from threadless.keys.status import LABELS, condition_of, status_of
from threadless.management.keys import find_user, key_model

_COLUMNS: Final = (
    "scopes", "allowed_models", "requests_per_minute", "tokens_per_minute", "concurrent_calls", "created_at",
    "last_used_at", "expires_at", "previous_until", "revoked_at",
)  # fmt: skip


class Command(BaseCommand):
    """Newest first."""

    help = "Print the API keys as a JSON list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="Only keys of this user, by user name or primary key.")
        parser.add_argument("--status", choices=list(LABELS), help="Only keys with this status.")

    def handle(self, *args: Any, **options: Any) -> None:
        keys: Any = key_model()._default_manager.select_related("user").order_by("-created_at", "-pk")
        if options["user"]:
            keys = keys.filter(user=find_user(options["user"]))
        if options["status"]:
            keys = keys.filter(condition_of(options["status"]))
        self.stdout.write(json.dumps([_row(key) for key in keys], cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))


def _row(key: AbstractAPIKey) -> dict[str, Any]:
    identity = {"id": key.pk, "name": key.name, "hint": key.hint, "user": key.user.get_username()}
    return identity | {"status": status_of(key)} | {name: getattr(key, name) for name in _COLUMNS}
