"""Counts the rows of every table around a series of mixed calls, for the tests of each host."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.test import Client

CALLS = 20


def row_counts() -> dict[str, int]:
    """Table → number of rows, of every model that has a table."""
    models = apps.get_models(include_auto_created=True)
    managed = [model for model in models if model._meta.managed and not model._meta.swapped]
    return {model._meta.db_table: model._default_manager.count() for model in managed}


def grown(before: dict[str, int]) -> dict[str, int]:
    """Tables whose number of rows has changed since, and by how much."""
    return {table: count - before[table] for table, count in row_counts().items() if count != before[table]}


def mixed_calls(path: str, secret: str, model: str) -> list[int]:
    """Plain calls, streams, an agent's worth of history and an upstream's failure, twenty in all; their statuses."""
    client = Client(raise_request_exception=False)
    return [_call(client, path, secret, body) for body in _bodies(model)]


def _bodies(model: str) -> list[dict[str, Any]]:
    say = [{"role": "user", "content": "Hello"}]
    history = [*say, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And now?"}]
    kinds: list[dict[str, Any]] = [
        {"messages": say},
        {"messages": say, "stream": True},
        {"messages": history, "stream": True, "stream_options": {"include_usage": True}},
        {"messages": [{"role": "user", "content": "break"}]},
    ]
    return [{"model": model} | kinds[number % len(kinds)] for number in range(CALLS)]


def _call(client: Client, path: str, secret: str, body: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    response = client.post(path, json.dumps(body), content_type="application/json", headers=headers)
    if response.streaming:
        b"".join(response)  # to its end
    response.close()
    return int(response.status_code)
