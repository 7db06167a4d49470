"""A conversation on the playground: its turns, its answers, and how they end."""

from __future__ import annotations

import pytest

from tests.support.playground import Page, Platform

ANSWER = "Hello, <b>world</b> 🙂"


def history(platform: Platform) -> list[tuple[str, str]]:
    """Role and text of the messages that the upstream received, without the platform's own."""
    return [(each["role"], each["content"]) for each in platform.last_body["messages"] if each["role"] != "system"]


@pytest.mark.parametrize("stream", [True, False])
def test_answer_is_shown_with_its_figures(page: Page, stream: bool) -> None:
    page.ask("Hi", stream=stream)
    assert page.turns() == [("User", "Hi"), ("Assistant", ANSWER)]
    request_id, is_stream, prompt_tokens, completion_tokens = page.row()
    assert (page.fact("request"), is_stream) == (request_id, stream)
    assert page.fact("tokens") == f"{prompt_tokens} / {completion_tokens}"
    assert (page.fact("status"), page.fact("finish")) == ("200", "stop")
    assert page.fact("first").endswith(" s")


def test_cached_tokens_and_cost_are_shown_where_the_answer_has_them(page: Page) -> None:
    page.ask("Hi")
    assert page.fact("cached") == "64"
    assert page.fact("cost") == "0.00093 USD"


def test_reasoning_stands_apart_from_the_answer(page: Page) -> None:
    page.ask("Hi")
    assert page.all(".tl-turn:last-child .tl-reasoning")[0].text == "Hm."


def test_second_question_is_sent_with_the_first(page: Page, platform: Platform) -> None:
    page.ask("Hi")
    page.ask("And now?")
    assert history(platform) == [("user", "Hi"), ("assistant", ANSWER), ("user", "And now?")]


def test_edited_turn_is_sent_as_it_is_now(page: Page, platform: Platform) -> None:
    page.ask("Hi")
    page.press_in_turn(1, "edit")
    page.fill(page.all(".tl-editor textarea")[0], "Good day.")
    page.press_in_turn(1, "save")
    page.ask("And now?")
    assert history(platform) == [("user", "Hi"), ("assistant", "Good day."), ("user", "And now?")]


def test_answer_comes_again_after_it_was_deleted(page: Page, platform: Platform) -> None:
    page.ask("Hi")
    page.press_in_turn(1, "remove")
    assert page.turns() == [("User", "Hi")]
    page.finish(lambda: page.click("send"))
    assert history(platform) == [("user", "Hi")]
    assert page.turns() == [("User", "Hi"), ("Assistant", ANSWER)]


def test_new_conversation_has_no_turns_and_no_draft(page: Page) -> None:
    page.type("system", "Be brief.")
    page.ask("Hi")
    page.click("new")
    assert (page.turns(), page.find("system").get_property("value")) == ([], "")
    page.browser.refresh()
    assert (page.turns(), page.find("system").get_property("value")) == ([], "")


def test_send_without_a_message_says_what_is_missing(page: Page) -> None:
    page.click("send")
    assert page.text("user-error") == "Write a message."
    assert page.focused() == "tl-user"


@pytest.mark.parametrize("stream", [True, False])
def test_failure_is_shown_with_its_status(page: Page, stream: bool) -> None:
    page.ask("fail", stream=stream)
    assert page.text("error").startswith("Too long.")
    assert "HTTP 400 · context_length_exceeded · req_" in page.text("error")
    assert page.turns() == [("User", "fail")]


def test_failure_within_a_stream_keeps_what_came_before(page: Page) -> None:
    page.ask("break off")
    assert page.turns()[-1] == ("Assistant", "Half")
    assert page.text("error").startswith("The model's")


def test_stop_keeps_what_came_and_is_no_error(page: Page, platform: Platform) -> None:
    page.type("user", "wait")
    page.click("send")
    page.wait(lambda: page.turns()[-1:] == [("Assistant", "Half")])
    page.click("stop")
    page.wait(lambda: page.text("note").startswith("Stopped."))
    assert not page.find("error").is_displayed()
    page.ask("And now?")
    assert history(platform)[-2:] == [("assistant", "Half"), ("user", "And now?")]


def test_raw_events_are_shown_to_their_end(page: Page) -> None:
    page.ask("Hi")
    page.click("tab-raw")
    assert page.text("raw").splitlines()[-1] == "[DONE]"
