"""`python -m tests.hosts.helpdesk.probe`: what the desk's own routes answer, as JSON, under the settings in force."""

from __future__ import annotations

import json
from typing import Any

import django
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment

TICKETS = "/helpdesk/api/tickets/"
DESK_JSON = "application/vnd.desk+json"


def main() -> None:
    """Prints a list of answers."""
    django.setup()
    setup_test_environment()
    call_command("migrate", verbosity=0)
    print(json.dumps([answer(*request) for request in requests()]))


def requests() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and keyword arguments: what works and what is refused, in every way that the desk has."""
    from tests.hosts.helpdesk.desk import credentials  # models exist only after the setup
    from tests.hosts.helpdesk.desk.models import Member

    member = Member.objects.create_user("mia@desk.example")
    key = {"X-Desk-Credential": credentials.issue(member)}
    right = {"headers": key, "content_type": DESK_JSON}
    return [
        ("get", "/helpdesk/", {}),
        ("get", "/helpdesk/about/", {}),
        ("get", "/helpdesk/", {"signed_in": member}),
        ("get", "/nowhere/", {}),
        ("get", TICKETS, {}),
        ("get", TICKETS, {"headers": {"X-Desk-Credential": "desk.x.y"}}),
        ("get", TICKETS, {"headers": key}),
        ("get", TICKETS, {"headers": key | {"Accept": "text/event-stream"}}),
        ("get", TICKETS, {"headers": key | {"X-Hurry": "yes"}}),
        ("post", TICKETS, {"data": '{"subject": "A door"}', **right}),
        ("post", TICKETS, {"data": '{"subject": "break"}', **right}),
        ("post", TICKETS, {"data": '{"subject": ', **right}),
        ("post", TICKETS, {"data": "{}", "headers": key, "content_type": "application/json"}),
        ("put", TICKETS, {"data": "{}", **right}),
        ("delete", TICKETS, {"headers": key}),
        ("get", TICKETS, {"headers": key}),
    ]


def answer(method: str, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Status, headers and body."""
    client = Client(raise_request_exception=False)
    if member := arguments.pop("signed_in", None):
        client.force_login(member)
    response = getattr(client, method)(path, **arguments)
    return {"status": response.status_code, "headers": dict(response.headers), "body": response.content.hex()}


if __name__ == "__main__":
    main()
