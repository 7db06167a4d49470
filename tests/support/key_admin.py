"""The key admin as a browser uses it: its forms and actions, for the shipped key table and for a host's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.factories import make_user
from threadless.keys.adapters import get_api_key_model

SCOPE = "CHATS:WRITE"
ALL_KEY_PERMISSIONS = ("add_apikey", "change_apikey", "view_apikey", "delete_apikey")


def page(name: str, *arguments: Any) -> str:
    """The address of an admin page of the key table: "changelist", "add", "change", "delete"."""
    options = get_api_key_model()._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=arguments)


def fields(user: Any, *, limit: str = "all", names: Sequence[str] = (), **others: Any) -> dict[str, Any]:
    """The data of the form. `limit` and `names` are the allowed models."""
    data = {"name": "laptop", "user": user.pk, "scopes": [SCOPE], "expires_at_0": "never"}
    return data | {"allowed_models_0": limit, "allowed_models_1": list(names)} | others


def moment(day: str) -> dict[str, str]:
    """The two inputs of the expiry."""
    return {"expires_at_0": "at", "expires_at_1": f"{day}T00:00"}


def act(client: Client, action: str, *keys: Any, **data: str) -> Any:
    """Run an action of the list on these keys."""
    data |= {"action": action, "_selected_action": [key.pk for key in keys]}  # type: ignore[dict-item]
    return client.post(page("changelist"), data, follow=True)


def signed_in(user: Any) -> Client:
    """A browser in which the user is signed in."""
    client = Client()
    client.force_login(user)
    return client


def staff_client(*codenames: str) -> Client:
    """A browser of staff with all permissions on `APIKey`, and with those named."""
    return signed_in(make_user(permissions=(*ALL_KEY_PERMISSIONS, *codenames), is_staff=True))


@dataclass(frozen=True)
class Attempts:
    """What an editor may try with a key of `user`. Each method tries it and returns whether it worked.

    `columns` are the host's own columns: of the key, and as form data.
    """

    client: Client
    user: Any
    stranger: Any
    columns: dict[str, Any] = field(default_factory=dict)

    def add(self) -> bool:
        self._post(page("add"))
        return self._keys.filter(user=self.user, scopes=[SCOPE]).exists()

    def view(self) -> bool:
        return self.client.get(page("change", self._key().pk)).status_code == 200

    def rename(self) -> bool:
        return bool(self._change(self._key(), name="renamed").name == "renamed")

    def widen_scopes(self) -> bool:
        return bool(self._change(self._key(scopes=[])).scopes == [SCOPE])

    def narrow_scopes(self) -> bool:
        return bool(self._change(self._key(), scopes=[]).scopes == [])

    def widen_models(self) -> bool:
        return self._change(self._key(allowed_models=["small"])).allowed_models is None

    def revive(self) -> bool:
        key = self._key(expires_at=timezone.now() - timedelta(days=1))
        return not self._change(key, **moment("2100-01-01")).is_expired()

    def remove_expiry(self) -> bool:
        return self._change(self._key(expires_at=timezone.now() + timedelta(days=1))).expires_at is None

    def raise_limit(self) -> bool:
        return self._change(self._key(requests_per_minute=1)).requests_per_minute is None

    def change_user(self) -> bool:
        return bool(self._change(self._key(), user=self.stranger.pk).user != self.user)

    def undo_revocation(self) -> bool:
        key = self._key(revoked_at=timezone.now())
        return self._change(key, revoked_at="", revoked_at_0="", revoked_at_1="").revoked_at is None

    def revoke(self) -> bool:
        key = self._key()
        act(self.client, "revoke_keys", key, confirmed="yes")
        key.refresh_from_db()
        return key.revoked_at is not None

    def revoke_on_its_page(self) -> bool:
        key = self._key()
        self.client.post(page("revoke", key.pk))
        key.refresh_from_db()
        return key.revoked_at is not None

    def rotate(self) -> bool:
        return self._rotates(self._key())

    def rotate_to_revive(self) -> bool:
        return self._rotates(self._key(expires_at=timezone.now() - timedelta(days=1)))

    def rotate_revoked(self) -> bool:
        return self._rotates(self._key(revoked_at=timezone.now()))

    def _rotates(self, key: Any) -> bool:
        """Whether the editor can get a new secret, or change anything by trying."""
        before = key.digest
        response = self.client.post(page("rotate", key.pk), {"overlap": "24", "current": key.last4})
        key.refresh_from_db()
        return key.digest != before or response.status_code == 200

    def delete_used(self) -> bool:
        key = self._key(last_used_at=timezone.now())
        self.client.post(page("delete", key.pk), {"post": "yes"})
        act(self.client, "delete_selected", key, post="yes")
        return not self._keys.exists()

    def delete(self) -> bool:
        key = self._key()
        self.client.post(page("delete", key.pk), {"post": "yes"})
        return not self._keys.exists()

    def delete_from_list(self) -> bool:
        act(self.client, "delete_selected", self._key(), post="yes")
        return not self._keys.exists()

    @property
    def _keys(self) -> Any:
        return get_api_key_model()._default_manager

    def _key(self, **others: Any) -> Any:
        return self._keys.issue(**{"name": "laptop", "user": self.user, "scopes": [SCOPE]} | self.columns | others)[0]

    def _post(self, url: str, **data: Any) -> None:
        columns = {name: getattr(value, "pk", value) for name, value in self.columns.items()}
        self.client.post(url, fields(self.user) | columns | data)

    def _change(self, key: Any, **data: Any) -> Any:
        self._post(page("change", key.pk), **data)
        return self._keys.get(pk=key.pk)


def cells(table: str) -> Iterator[tuple[str, str, str, bool]]:
    """The cells of a table of verdicts: role, attempt, owner of the key, and whether it is allowed."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    for attempt, owner, verdicts in rows:
        for role, verdict in zip(header[2].split(), verdicts.split(), strict=True):
            yield role, attempt, owner, {"yes": True, "no": False}[verdict]
