"""The pages for customers in a real browser, on a real server, with the keyboard alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.test_browser import SIGN_IN
from tests.support.chromium import wait_until
from tests.support.client import Client
from tests.support.serving import Server, prepared_host, serve
from tests.support.upstream import ScriptedUpstream

keys = pytest.importorskip("selenium.webdriver.common.keys").Keys


@pytest.fixture(scope="module")
def platform(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The example host under the strictest policy, with somebody signed in."""
    with ScriptedUpstream() as upstream:
        env = {"UPSTREAM_BASE_URL": upstream.base_url, "UPSTREAM_MODELS": "small"}
        host = prepared_host(tmp_path_factory.mktemp("host"), **env)
        session = host.manage("shell", "-v0", "-c", SIGN_IN).split()[-1]
        with serve("gthread", env=host.env, settings="tests.api.browser_settings") as server:
            chromium.get(f"{server.base_url}/health/")  # a cookie wants its site to be open
            chromium.delete_all_cookies()
            chromium.add_cookie({"name": "sessionid", "value": session})
            chromium.get_log("browser")
            yield server


@pytest.fixture
def page(chromium: Any, platform: Server) -> Iterator[Any]:
    """The browser on the list of keys; nothing is blocked or fails in the test."""
    chromium.get(f"{platform.base_url}/account/api/")
    yield chromium
    assert [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"] == []


def press(browser: Any, name: str, key: str) -> None:
    """Go with Tab to the element with this name, and press a key on it."""
    for _ in range(60):
        browser.switch_to.active_element.send_keys(keys.TAB)
        if name in (browser.switch_to.active_element.accessible_name or ""):
            break
    else:
        raise AssertionError(f"{name!r} cannot be reached with Tab.")
    browser.switch_to.active_element.send_keys(key)


def heading(browser: Any, text: str) -> None:
    """Wait for the page with this heading."""
    wait_until(browser, f"document.querySelector('h1').textContent.trim() === {json.dumps(text)}")


def test_key_is_created_used_and_revoked_by_keyboard(page: Any, platform: Server) -> None:
    press(page, "Create a key", keys.ENTER)
    heading(page, "Create a key")
    press(page, "Name", "from the keyboard")
    press(page, "Create the key", keys.ENTER)
    heading(page, "Your key")
    secret = re.search(r"harbour_\w+", page.find_element("id", "secret").text)
    assert secret is not None
    with Client(platform.port, secret[0]) as client:
        assert client.get("/api/v1/models").status == 200
        press(page, "Back to the keys", keys.ENTER)
        heading(page, "Keys")
        press(page, "Revoke from the keyboard", keys.ENTER)
        heading(page, "Revoke a key")
        press(page, "Revoke the key", keys.ENTER)
        heading(page, "Keys")
        assert "has been revoked" in page.find_element("css selector", "[role=status]").text
        assert client.get("/api/v1/models").status == 401


@pytest.mark.parametrize("path", ["", "create/", "usage/", "models/", "guide/"])
@pytest.mark.parametrize("width", [390, 1240])
def test_page_fits_its_window_under_the_strictest_policy(page: Any, platform: Server, path: str, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.get(f"{platform.base_url}/account/api/{path}")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return getComputedStyle(document.body).margin") == "0px"  # the style sheet is applied
