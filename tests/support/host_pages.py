"""The pages that every host platform must be able to open, as its staff use them."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from tests.support.key_admin import fields, page


def make_key(client: Client, user: Any, form: str = "") -> str:
    """Open the form, fill it in for this user, and read the new key on the page that follows."""
    form = form or page("add")
    assert client.get(form).status_code == 200
    response = client.post(form, fields(user))
    assert response.status_code == 200, response.content
    secret = str(response.context["secret"])
    assert secret in response.content.decode()
    return secret


def listed_calls(client: Client) -> str:
    """The list of calls, as a page."""
    response = client.get(reverse("admin:threadless_usagerecord_changelist"))
    assert response.status_code == 200
    return response.content.decode()
