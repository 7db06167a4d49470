"""What is kept in the tab, and what happens when the session ends."""

from __future__ import annotations

from tests.support.playground import TOOLS, Page, Platform


def test_draft_survives_a_reload(page: Page, platform: Platform) -> None:
    page.type("system", "Be brief.")
    page.type("tools", TOOLS)
    page.type("temperature", "0.5")
    page.choose("model", "large")
    page.ask("weather")
    page.fill(page.all(".tl-call textarea")[0], "cold")
    page.type("user", "And tomorrow?")
    page.browser.refresh()
    assert page.turns() == [("User", "weather"), ("Assistant", "")]
    assert page.fact("finish") == "tool_calls"
    values = [page.find(name).get_property("value") for name in ("system", "model", "user", "temperature")]
    assert values == ["Be brief.", "large", "And tomorrow?", "0.5"]
    page.finish(lambda: page.click("send"))
    assert [each["content"] for each in platform.last_body["messages"][-3:]] == ["cold", "", "And tomorrow?"]


def test_model_named_in_the_address_wins_over_the_draft(page: Page) -> None:
    page.type("user", "Hi")
    page.browser.get(f"{page.url}?model=large")
    values = [page.find(name).get_property("value") for name in ("model", "user")]
    assert values == ["large", "Hi"]


def test_draft_of_another_reader_is_not_shown(page: Page) -> None:
    page.type("user", "secret")
    page.browser.get(page.url)
    script = """const kept = JSON.parse(sessionStorage.getItem("threadless-playground")); kept.owner = "somebody else";
        sessionStorage.setItem("threadless-playground", JSON.stringify(kept))"""
    page.browser.execute_script(script)
    page.browser.refresh()
    assert page.find("user").get_property("value") == ""


def test_nothing_is_kept_beyond_the_tab(page: Page) -> None:
    page.ask("Hi")
    assert page.browser.execute_script("return localStorage.length") == 0


def test_session_that_has_ended_leads_to_the_login_page_and_back(page: Page, session: str) -> None:
    page.browser.delete_all_cookies()
    page.ask("Hi")
    assert "Your session has ended." in page.text("error")
    page.all("#tl-error a")[0].click()
    page.wait(lambda: "/login" in page.browser.current_url)
    assert "next=/api/v1/chat/completions" in page.browser.current_url
    page.browser.add_cookie({"name": "sessionid", "value": session})
    page.browser.get(page.url)
    assert page.turns() == [("User", "Hi")]


def test_signed_out_browser_comes_to_the_login_page(page: Page) -> None:
    page.browser.delete_all_cookies()
    page.browser.get(page.url)
    assert "/login/?next=/api/v1/chat/completions" in page.browser.current_url


def test_token_of_an_older_session_asks_for_a_reload(page: Page) -> None:
    page.browser.execute_script("document.querySelector('[name=csrfmiddlewaretoken]').value = 'a'.repeat(64)")
    page.ask("Hi")
    assert "Reload this page" in page.text("error")


def test_page_leads_back_to_the_platform(page: Page) -> None:
    page.browser.find_element("link text", "Chats").click()
    page.wait(lambda: "/api/" not in page.browser.current_url)
