"""Serves the host's own project in this process, with its keys, models and rules, and a backend without an upstream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import modify_settings
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from threadless.testing.backend import use_backend
from threadless.testing.conformance.talker import Talker

_HOST = "localhost"
_ENDPOINT = "chat/completions"


@contextmanager
def serve() -> Iterator[str]:
    """The address of the API, for as long as the block runs."""
    prefix = reverse("threadless:chat-completions").rstrip("/").removesuffix(_ENDPOINT)
    with modify_settings(ALLOWED_HOSTS={"append": _HOST}), use_backend(Talker()):
        server = LiveServer(_HOST)
        try:
            yield server.url + prefix
        finally:
            server.stop()
