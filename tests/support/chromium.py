"""A real browser for tests: Chromium without a window. Tests are skipped where it is not installed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1240,900"),
)

_OUTDATED: Final = ("checkboxgroup", "radiogroup", "dlitem", "definition-list", "region", "color-contrast")
"""Rules of axe-core 3, which comes for Python 3.11, that axe-core 4 has corrected or dropped. It takes white for the
background of everything below the window."""

_LONGEST_WAIT: Final = 30
"""Seconds."""


@contextlib.contextmanager
def open_chromium(profile: Path) -> Iterator[Any]:
    """A browser until the end of the block. It records what it writes to its console."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium with its chromedriver on the path")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


def show_as(browser: Any, *, width: int, is_dark: bool) -> None:
    """Let the browser be a window or a phone, in light or dark colors."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def wait_until(browser: Any, condition: str) -> None:
    """Wait until this JavaScript expression is true of a page that has loaded, also while another page replaces it."""
    waiting: Any = pytest.importorskip("selenium.webdriver.support.wait")
    failures: Any = pytest.importorskip("selenium.common.exceptions")
    script = f"return document.readyState === 'complete' && !!({condition})"
    wait = waiting.WebDriverWait(browser, _LONGEST_WAIT, 0.05, [failures.JavascriptException])
    wait.until(lambda page: page.execute_script(script))


def violations(browser: Any, exclude: tuple[str, ...] = ()) -> list[str]:
    """What axe-core objects to on the open page, outside of elements with these selectors."""
    axe: Any = pytest.importorskip("axe_selenium_python").Axe(browser)
    axe.inject()
    is_there = "return !!document.querySelector(arguments[0])"
    present = [[each] for each in exclude if browser.execute_script(is_there, each)]
    results = axe.run({"exclude": present})
    version = (results.get("testEngine") or {}).get("version", "3.")  # absent before version 4
    outdated = _OUTDATED if version.startswith("3.") else ()
    found = [rule for rule in results["violations"] if rule["id"] not in outdated]
    return [f"{rule['id']}: {node['target']} {node['html'][:120]}" for rule in found for node in rule["nodes"]]
