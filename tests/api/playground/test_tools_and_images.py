"""Calls of tools become cards with a field for the result; images are attached and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.playground import TOOLS, Page, Platform, data_url, png


def test_results_of_tools_continue_the_conversation(page: Page, platform: Platform) -> None:
    page.type("tools", TOOLS)
    page.ask("weather")
    assert platform.last_body["tools"][0]["function"]["name"] == "get_weather"
    cards = page.all(".tl-call")
    assert [card.find_element("css selector", "code").text for card in cards] == ["get_weather", "get_weather"]
    assert '"city": "Bergen"' in cards[1].text
    assert "called a tool" in page.text("note")
    for card, result in zip(cards, ["4 degrees", "rain"], strict=True):
        page.fill(card.find_element("css selector", "textarea"), result)
    page.finish(lambda: page.press_in_turn(1, "send-results"))
    asked, *results = platform.last_body["messages"][-3:]
    assert [call["function"]["arguments"] for call in asked["tool_calls"]] == ['{"city": "Oslo"}', '{"city": "Bergen"}']
    assert [(each["tool_call_id"], each["content"]) for each in results] == [
        ("call_0", "4 degrees"),
        ("call_1", "rain"),
    ]
    assert page.turns()[-1] == ("Assistant", "It is cold.")
    assert not page.all(".tl-turn")[1].find_element("css selector", "[data-part=send-results]").is_displayed()


def test_results_are_sent_by_keyboard(page: Page, platform: Platform) -> None:
    page.ask("weather")
    page.focus("turns")
    page.tab_to("Result")
    page.write("cold")
    page.tab_to("Send the results")
    page.finish(lambda: page.press("ENTER"))
    assert [each["content"] for each in platform.last_body["messages"][-2:]] == ["cold", ""]
    assert page.focused() == "tl-send"


def test_image_of_a_file_is_sent_and_shown(page: Page, platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "square.png").write_bytes(png())
    page.open("attach")
    page.find("file").send_keys(str(tmp_path / "square.png"))
    page.wait(lambda: page.all("#tl-images canvas"))
    page.ask("What is this?")
    text, image = platform.last_body["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert image == {"type": "image_url", "image_url": {"url": data_url(png())}}
    width = "return document.querySelector('.tl-turn canvas').width"
    assert page.wait(lambda: page.browser.execute_script(width) == 8)
    assert page.all("#tl-images li") == []


def test_image_of_an_address_is_sent_and_linked_but_not_loaded(page: Page, platform: Platform) -> None:
    page.open("attach")
    page.click("image-url")
    page.write("https://images.example/a.png")
    page.press("ENTER")
    page.ask("")
    content = platform.last_body["messages"][-1]["content"]
    assert content == [{"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}]
    assert page.all(".tl-turn a")[0].get_attribute("href") == "https://images.example/a.png"


def test_image_can_be_removed_before_it_is_sent(page: Page) -> None:
    page.open("attach")
    page.type("image-url", "https://images.example/a.png")
    page.click("add-url")
    page.all("#tl-images button")[0].click()
    assert page.all("#tl-images li") == []
    assert page.focused() == "tl-user"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "nonsense", "ftp://images.example/a.png"])
def test_address_of_another_kind_is_refused(page: Page, address: str) -> None:
    page.open("attach")
    page.type("image-url", address)
    page.click("add-url")
    assert "begins with https://" in page.text("image-url-error")


def test_file_that_is_no_image_is_refused(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    page.open("attach")
    page.find("file").send_keys(str(tmp_path / "notes.txt"))
    page.wait(lambda: "PNG" in page.text("file-error"))


def test_image_that_the_server_would_not_accept_is_refused(page: Page, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png() + bytes(13 * 2**20))
    page.open("attach")
    page.find("file").send_keys(str(tmp_path / "large.png"))
    page.wait(lambda: "larger than 16.0" in page.text("file-error"))
    assert page.all("#tl-images li") == []
