"""The playground without a mouse and for screen readers, and its appearance."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chromium import show_as, violations
from tests.support.playground import TOOLS, Page, Platform


def test_conversation_is_held_by_keyboard(page: Page, platform: Platform) -> None:
    page.tab_to("tl-user")
    page.write("Hi")
    page.finish(lambda: page.browser.switch_to.active_element.send_keys(page.keys.CONTROL, page.keys.ENTER))
    assert page.focused() == "tl-user"
    page.write("And now?")
    page.tab_to("tl-send")
    page.finish(lambda: page.press("ENTER"))
    assert page.focused() == "tl-send"
    assert platform.last_body["messages"][-1]["content"] == "And now?"


def test_end_of_an_answer_is_announced(page: Page) -> None:
    page.ask("Hi")
    assert page.text("note").startswith("The answer is complete. 3 tokens")
    log, note = page.find("turns"), page.find("note")
    assert [log.get_attribute(name) for name in ("role", "aria-busy")] == ["log", "false"]
    assert note.get_attribute("role") == "status"


def test_escape_stops_the_answer(page: Page) -> None:
    page.type("user", "wait")
    page.focus("send")
    page.press("ENTER")
    page.wait(lambda: page.turns()[-1:] == [("Assistant", "Half")])
    page.press("ESCAPE")
    page.wait(lambda: page.text("note").startswith("Stopped."))
    assert page.focused() == "tl-send"


def test_turn_is_edited_and_deleted_by_keyboard(page: Page) -> None:
    page.ask("Hi")
    page.focus("turns")
    page.tab_to("Edit: User 1")
    page.press("ENTER")
    page.write("!")
    page.browser.switch_to.active_element.send_keys(page.keys.CONTROL, page.keys.ENTER)
    assert page.turns()[0] == ("User", "Hi!")
    assert page.focused() == "edit"
    page.press("ENTER")
    page.write("?")
    page.press("ESCAPE")
    assert page.turns()[0] == ("User", "Hi!")
    page.tab_to("Delete: Assistant 2")
    page.press("ENTER")
    assert page.turns() == [("User", "Hi!")]
    assert page.focused() == "remove"


def test_arrow_keys_move_between_tabs(page: Page) -> None:
    page.click("tab-curl")
    page.press("ARROW_RIGHT")
    assert page.focused() == "tl-tab-python"
    assert page.find("python").is_displayed()
    page.press("HOME", "ARROW_LEFT")
    assert page.focused() == "tl-tab-raw"
    page.press("TAB")
    assert page.focused() == "tl-to-raw"


def test_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.press("TAB", "ENTER")
    assert page.focused() == "content"


@pytest.fixture
def shown(page: Page) -> Any:
    """Show the page as a phone or a window; afterwards the window is as before."""

    def show(width: int, is_dark: bool) -> Page:
        show_as(page.browser, width=width, is_dark=is_dark)
        return page

    yield show
    show_as(page.browser, width=1240, is_dark=False)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_page_in_use_has_no_violation_and_fits(shown: Any, width: int, is_dark: bool) -> None:
    page = shown(width, is_dark)
    page.open("parameters", "format", "tools-section", "attach")
    page.choose("response-format", "json_schema")
    page.type("schema", "{}")
    page.type("tools", TOOLS)
    page.type("image-url", "https://images.example/a.png")
    page.click("add-url")
    page.ask("weather")
    page.press_in_turn(0, "edit")
    page.ask("fail")
    assert violations(page.browser) == []
    assert page.browser.execute_script("return document.documentElement.scrollWidth") <= width
