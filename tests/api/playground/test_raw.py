"""The form for the raw body."""

from __future__ import annotations

import json

from tests.support.chromium import violations
from tests.support.playground import Page, Platform


def test_conversation_goes_on_as_raw_json(page: Page, platform: Platform) -> None:
    page.ask("Hi", stream=False)
    page.type("user", "And now?")
    page.click("to-raw")
    content = page.wait(lambda: page.browser.find_element("name", "_content").get_property("value"))
    body = json.loads(content)
    assert [each["content"] for each in body["messages"]][::2] == ["Hi", "And now?"]
    page.fill(page.browser.find_element("name", "_content"), json.dumps(body | {"top_k": 7}))
    page.browser.find_element("css selector", "#tl-raw-form [type=submit]").click()
    page.wait(lambda: page.text("raw-note") == "HTTP 200")
    assert platform.last_body["top_k"] == 7
    assert "x-request-id: req_" in page.text("raw-answer")
    assert "<b>world</b>" in page.text("raw-answer")
    assert violations(page.browser) == []


def test_body_that_is_wrong_is_sent_as_it_is(page: Page) -> None:
    page.browser.get(f"{page.url}?raw")
    page.fill(page.browser.find_element("name", "_content"), "{")
    page.browser.find_element("css selector", "#tl-raw-form [type=submit]").click()
    page.wait(lambda: page.text("raw-note") == "HTTP 400")
    assert '"error"' in page.text("raw-answer")
