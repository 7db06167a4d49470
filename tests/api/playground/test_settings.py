"""What is sent beside the conversation: system message, model, parameters, and the format of the answer."""

from __future__ import annotations

import json

import pytest

from tests.support.playground import TOOLS, Page, Platform


def test_system_message_and_model_are_sent(page: Page, platform: Platform) -> None:
    page.type("system", "Be brief.")
    page.choose("model", "large")
    page.ask("Hi")
    body = platform.last_body
    assert body["model"] == "large"
    assert [message["content"] for message in body["messages"]][-2:] == ["Be brief.", "Hi"]


def test_parameters_are_sent(page: Page, platform: Platform) -> None:
    page.open("parameters")
    values = {"temperature": "0.5", "max-tokens": "50", "top-p": "0.9", "seed": "7", "stop-sequences": "END\n\\n"}
    for name, value in values.items():
        page.type(name, value)
    page.choose("effort", "low")
    page.ask("Hi")
    sent = {"temperature": 0.5, "max_completion_tokens": 50, "top_p": 0.9, "seed": 7, "stop": ["END", "\n"]}
    assert platform.last_body.items() >= (sent | {"reasoning_effort": "low"}).items()


def test_parameters_that_are_empty_are_not_sent(page: Page, platform: Platform) -> None:
    page.ask("Hi", stream=False)
    assert platform.last_body.keys() <= {"model", "messages"}


def test_json_object_is_asked_for(page: Page, platform: Platform) -> None:
    page.choose("response-format", "json_object")
    page.ask("Hi")
    assert platform.last_body["response_format"] == {"type": "json_object"}


def test_schema_is_asked_for(page: Page, platform: Platform) -> None:
    page.open("format")
    page.choose("response-format", "json_schema")
    page.all("[data-example=schema]")[0].click()
    page.ask("Hi")
    schema = platform.last_body["response_format"]["json_schema"]
    assert (schema["name"], schema["schema"]["required"]) == ("answer", ["city", "population"])


def test_schema_may_bring_its_own_name(page: Page, platform: Platform) -> None:
    page.choose("response-format", "json_schema")
    whole = {"name": "town", "strict": True, "schema": {"type": "object"}}
    page.type("schema", json.dumps(whole))
    page.ask("Hi")
    assert platform.last_body["response_format"]["json_schema"] == whole


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("temperature", "3", "2"),
        ("tools", "[", "This is not valid JSON."),
        ("tools", "{}", "Enter a JSON list of tools, each with a type."),
    ],
)
def test_wrong_setting_is_shown_at_its_field_and_nothing_is_sent(
    page: Page, platform: Platform, name: str, text: str, words: str
) -> None:
    calls = len(platform.upstream.exchanges)
    page.type(name, text)
    page.type("user", "Hi")
    page.click("send")
    assert words in page.text(f"{name}-error")
    assert (page.focused(), page.find(name).get_attribute("aria-invalid")) == (f"tl-{name}", "true")
    assert len(platform.upstream.exchanges) == calls
    page.type(name, "1" if name == "temperature" else TOOLS)
    assert not page.find(f"{name}-error").is_displayed()


def test_wrong_schema_is_shown_at_its_field(page: Page) -> None:
    page.choose("response-format", "json_schema")
    page.type("user", "Hi")
    page.click("send")
    assert "not valid JSON" in page.text("schema-error")
