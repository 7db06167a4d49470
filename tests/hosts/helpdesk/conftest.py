"""Fixtures for the tests of the help desk."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

Ask = Callable[..., Any]
"""Takes the question and fields of the request; returns the response."""
PATH = "/gate/llm/chat/completions"


@pytest.fixture
def member(db: None) -> Any:
    """A member of the desk."""
    from tests.hosts.helpdesk.desk.models import Member  # only these settings install it

    return Member.objects.create_user("mia@desk.example")


@pytest.fixture
def secret(member: Any) -> str:
    """The member's credential."""
    from tests.hosts.helpdesk.desk import credentials

    return credentials.issue(member, remark="Mia's laptop")


@pytest.fixture
def ask(secret: str) -> Ask:
    """Sends one completion with the member's credential."""

    def call(content: str = "open the door", *, key: str = secret, **fields: Any) -> Any:
        body = {"model": "robot", "messages": [{"role": "user", "content": content}], **fields}
        headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "gzip"}
        client = Client(raise_request_exception=False)
        return client.post(PATH, json.dumps(body), content_type="application/json", headers=headers)

    return call
