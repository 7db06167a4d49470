"""Faults of dependencies that clients and upstreams could use against us. Each test fails below our lower bounds."""

from __future__ import annotations

import zlib

import pytest
from django.test import Client

from tests.backends.upstream.sender import Sender
from tests.support.upstream import ScriptedUpstream


def test_path_with_line_breaks_adds_no_line_to_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Django before 5.2.3 logged the path as it was sent."""
    client.get("/nowhere/x%0d%0a2026-01-01 ERROR forged")
    [message] = [record.getMessage() for record in caplog.records if record.name == "django.request"]
    assert "forged" in message
    assert message.splitlines() == [message]


@pytest.mark.timeout(30)
def test_data_after_the_end_of_compressed_content_is_ignored() -> None:
    """urllib3 before 2.8 copied all of it for each piece that arrived, which took minutes."""
    content = b"content " * 100_000
    packed = zlib.compress(content) + bytes(16 * 1024 * 1024)
    with ScriptedUpstream() as upstream:
        upstream.script(lambda exchange: exchange.answer(packed, headers={"Content-Encoding": "deflate"}))
        assert Sender(upstream.port).ask() == (200, content)
