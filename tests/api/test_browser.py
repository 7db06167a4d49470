"""The playground in a real browser, on a real server. Skipped where no Chromium is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.bodies import chunk, chunks_of, completion
from tests.support.serving import Host, Server, prepared_host, serve
from tests.support.upstream import Exchange, ScriptedUpstream

waiting = pytest.importorskip("selenium.webdriver.support.ui")

WAIT = 20
SIGN_IN = """
from django.contrib.auth.models import Permission, User
from django.test import Client
user = User.objects.get()
user.user_permissions.add(Permission.objects.get(codename="write_chats"))
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""


class Platform(NamedTuple):
    """What a browser talks to."""

    host: Host
    server: Server
    upstream: ScriptedUpstream


def answer(exchange: Exchange) -> None:
    """The upstream's part."""
    question = exchange.body["messages"][-1]["content"]
    words = ["Hello, ", "<b>world</b> 🙂"]
    if question == "fail":
        exchange.answer({"error": {"message": "Too long.", "code": "context_length_exceeded"}}, 400)
    elif question == "break off":
        exchange.stream(chunk({"content": "Half"}), done=False)
    elif question == "wait":
        exchange.start()
        exchange.event(chunk({"content": "Half"}))
        exchange.wait_closed(WAIT)
    elif question == "tools":
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        exchange.stream(chunk({"tool_calls": [call]}), chunk(finish_reason="tool_calls"))
    elif exchange.body.get("stream"):
        exchange.stream(chunk({"reasoning_content": "Hm."}), *chunks_of(*words))
    else:
        exchange.answer(completion("".join(words)))


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
def page(chromium: Any, platform: Platform, session: str) -> Page:
    """The playground, freshly opened."""
    return Page(chromium, platform.host, platform.server.base_url, session)


class Page:
    """What a reader does and sees."""

    def __init__(self, browser: Any, host: Host, base_url: str, session: str) -> None:
        self.browser, self.host, self.url = browser, host, f"{base_url}/api/v1/chat/completions"
        browser.get(f"{base_url}/health/")  # a cookie wants its site to be open
        browser.delete_all_cookies()
        browser.add_cookie({"name": "sessionid", "value": session})
        browser.get_log("browser")
        browser.get(self.url)

    def text(self, name: str) -> str:
        return self.browser.find_element("id", f"tl-{name}").text

    def click(self, name: str) -> None:
        self.browser.find_element("id", f"tl-{name}").click()

    def type(self, name: str, text: str) -> None:
        """By script: the driver cannot type all of Unicode."""
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.browser.execute_script(script, self.browser.find_element("id", f"tl-{name}"), text)

    def ask(self, text: str, *, stream: bool = True) -> None:
        """Send a question and wait for the end."""
        if self.browser.find_element("name", "stream").is_selected() != stream:
            self.browser.find_element("css selector", ".tl-switch").click()
        self.type("user", text)
        self.click("send")
        wait = waiting.WebDriverWait(self.browser, WAIT, poll_frequency=0.05)
        is_over = "return document.getElementById('tl-total').textContent !== '–'"
        wait.until(lambda browser: browser.execute_script(is_over))

    def row(self) -> Any:
        """The newest row of the ledger."""
        columns = "request_id, is_stream, prompt_tokens, completion_tokens"
        with sqlite3.connect(self.host.env["DATABASE_URL"].removeprefix("sqlite:///")) as connection:
            row = connection.execute(f"SELECT {columns} FROM threadless_usagerecord ORDER BY id DESC").fetchone()
        connection.close()
        return row


@pytest.mark.parametrize("stream", [True, False])
def test_answer_is_shown_with_its_figures(page: Page, stream: bool) -> None:
    page.ask("Hi", stream=stream)
    assert page.text("answer").endswith("Hello, <b>world</b> 🙂")
    assert page.text("status").startswith("200")
    request_id, is_stream, prompt_tokens, completion_tokens = page.row()
    assert (page.text("request"), is_stream) == (request_id, stream)
    assert page.text("usage") == f"{prompt_tokens} / {completion_tokens}"


def test_strict_policy_finds_nothing_to_complain_of(page: Page) -> None:
    page.ask("Hi")
    assert page.browser.get_log("browser") == []


def test_reasoning_stands_apart_from_the_answer(page: Page) -> None:
    page.ask("Hi")
    assert page.browser.find_element("css selector", ".tl-reasoning").text == "Hm."
    assert page.browser.find_element("css selector", ".tl-text").text == "Hello, <b>world</b> 🙂"


def test_system_message_and_model_are_sent(page: Page, platform: Platform) -> None:
    page.type("system", "Be brief.")
    page.browser.find_element("css selector", "#tl-model option:last-of-type").click()
    page.ask("Hi")
    body = platform.upstream.exchanges[-1].body
    assert body["model"] == "large"
    assert [message["content"] for message in body["messages"]][-2:] == ["Be brief.", "Hi"]


@pytest.mark.parametrize("stream", [True, False])
def test_failure_is_shown_with_its_status(page: Page, stream: bool) -> None:
    page.ask("fail", stream=stream)
    assert (page.text("error"), page.text("status")[:3]) == ("Too long.", "400")


def test_failure_within_a_stream_keeps_what_came_before(page: Page) -> None:
    page.ask("break off")
    assert page.text("answer") == "Half"
    assert page.text("error").startswith("The model's")


def test_tool_calls_are_pointed_out(page: Page) -> None:
    page.ask("tools")
    assert "called a tool" in page.text("answer")


def test_raw_events_are_shown_to_their_end(page: Page) -> None:
    page.ask("Hi")
    page.click("tab-raw")
    assert page.text("raw").splitlines()[-1] == "[DONE]"


def test_session_that_has_ended_shows_an_error(page: Page) -> None:
    page.browser.delete_all_cookies()
    page.ask("Hi")
    assert page.text("status")[:3] == "401"
    assert "Your session has ended." in page.text("error")


def test_snippets_follow_the_form_and_hold_no_key(page: Page) -> None:
    page.type("user", 'It\'s "on"?')
    assert page.url in page.text("curl")
    page.click("tab-python")
    compile(page.text("python"), "snippet", "exec")
    assert 'api_key="YOUR_KEY"' in page.text("python")


@pytest.mark.parametrize("tab", ["curl", "python"])
def test_snippet_is_a_call_that_works(page: Page, platform: Platform, tab: str) -> None:
    page.type("user", 'It\'s "on" 🙂 \\ $HOME')
    page.click(f"tab-{tab}")
    snippet = page.text(tab).replace("YOUR_KEY", platform.host.key)
    command = ["bash", "-c", snippet] if tab == "curl" else [sys.executable, "-c", snippet]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    assert "world" in done.stdout, done.stderr
    assert platform.upstream.exchanges[-1].body["messages"][-1]["content"] == 'It\'s "on" 🙂 \\ $HOME'


def focused(page: Page) -> str:
    """The id of the element that has the focus."""
    return page.browser.execute_script("return document.activeElement.id")


def press(page: Page, *names: str) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    for name in names:
        page.browser.switch_to.active_element.send_keys(getattr(keys, name))


def test_send_keeps_the_focus_and_the_end_is_announced(page: Page) -> None:
    page.type("user", "Hi")
    page.browser.execute_script("document.getElementById('tl-send').focus()")
    press(page, "ENTER")
    waiting.WebDriverWait(page.browser, WAIT).until(lambda browser: "complete" in page.text("note"))
    assert focused(page) == "tl-send"
    assert "tokens" in page.text("note")
    answer = page.browser.find_element("id", "tl-answer")
    assert (answer.get_attribute("role"), answer.get_attribute("aria-busy")) == ("log", "false")


def test_escape_stops_the_answer_without_an_error(page: Page, platform: Platform) -> None:
    page.type("user", "wait")
    page.browser.execute_script("document.getElementById('tl-send').focus()")
    press(page, "ENTER")
    waiting.WebDriverWait(page.browser, WAIT).until(lambda browser: "Half" in page.text("answer"))
    press(page, "ESCAPE")
    waiting.WebDriverWait(page.browser, WAIT).until(lambda browser: "Stopped." in page.text("note"))
    assert not page.browser.find_element("id", "tl-error").is_displayed()


def test_arrow_keys_move_between_tabs(page: Page) -> None:
    page.click("tab-curl")
    press(page, "ARROW_RIGHT")
    assert focused(page) == "tl-tab-python"
    assert page.browser.find_element("id", "tl-python").is_displayed()
    press(page, "HOME", "ARROW_LEFT")
    assert focused(page) == "tl-tab-raw"
    press(page, "TAB")
    assert focused(page) == "tl-copy"


def test_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.browser.find_element("tag name", "body").send_keys(
        pytest.importorskip("selenium.webdriver.common.keys").Keys.TAB
    )
    press(page, "ENTER")
    assert focused(page) == "content"
