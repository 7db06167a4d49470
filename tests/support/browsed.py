"""The example host in a real browser, under the strictest content security policy, with somebody signed in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.support.chromium import open_chromium
from tests.support.serving import Host, prepared_host, serve

WAIT: Final = 30
"""Seconds in which a page must appear, also on a busy machine."""
_MOST_TABS: Final = 200
_IS_NEXT: Final = "return !window.isLeft && document.readyState === 'complete'"
SIGN_IN: Final = """
import json
from django.test import Client
client = Client()
client.force_login(user)
print(json.dumps({"session": client.cookies["sessionid"].value, **data}))
"""
"""The end of each seed: signs `user` in, and gives `data` to the test."""


class Browsed(NamedTuple):
    """A browser whose user is signed in, and what its seed said."""

    browser: Any
    base_url: str
    data: dict[str, Any]
    host: Host

    def open(self, path: str) -> None:
        """Go to this path of the host."""
        self.browser.get(self.base_url + path)

    def wait(self, condition: Callable[[Any], Any]) -> Any:
        """What the condition returns as soon as it is true."""
        waiting: Any = pytest.importorskip("selenium.webdriver.support.wait")
        return waiting.WebDriverWait(self.browser, WAIT, poll_frequency=0.05).until(condition)

    def focus(self, name: str, within: str = "body") -> Any:
        """Go with Tab to the element whose name begins with this text, within an element with this selector."""
        is_within = "return !!arguments[0].closest(arguments[1])"
        tab = pytest.importorskip("selenium.webdriver.common.keys").Keys.TAB
        for _ in range(_MOST_TABS):
            self.browser.switch_to.active_element.send_keys(tab)
            focused = self.browser.switch_to.active_element
            is_named = (focused.accessible_name or "").casefold().startswith(name.casefold())  # CSS may show capitals
            if is_named and self.browser.execute_script(is_within, focused, within):
                return focused
        raise AssertionError(f"{name!r} cannot be reached with Tab.")

    def press(self, name: str, within: str = "body") -> None:
        """Go with Tab to this element, and press Enter on it."""
        self.focus(name, within).send_keys("\n")

    def follow(self, name: str, within: str = "body") -> None:
        """Press a link or a button that leads to another page, and wait for that page."""
        self.browser.execute_script("window.isLeft = true")
        self.press(name, within)
        self.wait(lambda browser: browser.execute_script(_IS_NEXT))

    def text(self, selector: str) -> str:
        """The text of the first element with this selector."""
        text: str = self.browser.find_element("css selector", selector).text
        return text

    def clipboard(self) -> str:
        """What was copied."""
        self.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
        copied: str = self.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        return copied

    def console(self) -> list[str]:
        """What the browser has complained of since the last time."""
        return [line["message"] for line in self.browser.get_log("browser")]


@contextlib.contextmanager
def browsed(folder: Path, seed: str, **env: str) -> Iterator[Browsed]:
    """The host after this program has run in its shell, with its `user` signed in, until the end of the block.

    The program sets `user`, and `data`, a dict for the test.
    """
    for name in ("host", "chromium"):
        (folder / name).mkdir()
    host = prepared_host(folder / "host", **env)
    data = json.loads(host.manage("shell", "-v0", "-c", seed + SIGN_IN).splitlines()[-1])
    with (
        open_chromium(folder / "chromium") as browser,
        serve("gthread", env=host.env, settings="tests.api.browser_settings") as server,
    ):
        browser.get(f"{server.base_url}/health/")  # a cookie needs an open page of its site
        browser.add_cookie({"name": "sessionid", "value": data["session"]})
        browser.get_log("browser")
        yield Browsed(browser, server.base_url, data, host)
