"""The example host on a real server, under the strictest content security policy, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.playground import SIGN_IN, Page, Platform, answer
from tests.support.serving import prepared_host, serve
from tests.support.upstream import ScriptedUpstream


@pytest.fixture(scope="module")
def platform(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The example host on a server, with an upstream."""
    with ScriptedUpstream() as upstream:
        upstream.script(answer)
        env = {"UPSTREAM_BASE_URL": upstream.base_url, "UPSTREAM_MODELS": "small=private-deployment-7,large"}
        host = prepared_host(tmp_path_factory.mktemp("host"), **env)
        with serve("gthread", env=host.env, settings="tests.api.browser_settings") as server:
            yield Platform(host, server, upstream)


@pytest.fixture(scope="module")
def session(platform: Platform) -> str:
    """The cookie of somebody who is signed in and has the permission."""
    return platform.host.manage("shell", "-v0", "-c", SIGN_IN).split()[-1]


@pytest.fixture
def page(chromium: Any, platform: Platform, session: str) -> Iterator[Page]:
    """The playground, freshly opened. At the end, the browser has nothing to complain of but what a test expects."""
    opened = Page(chromium, platform.host, platform.server.base_url, session)
    yield opened
    complaints = [entry["message"] for entry in chromium.get_log("browser")]
    assert [text for text in complaints if "the server responded with a status of" not in text] == []
