"""The playground in a browser: what a reader does and sees, and the upstream behind it."""

from __future__ import annotations

import base64
import json
import sqlite3
import struct
import zlib
from typing import Any, Final, NamedTuple

import pytest

from tests.support.bodies import chunk, chunks_of, completion
from tests.support.serving import Host, Server
from tests.support.upstream import Exchange, ScriptedUpstream

WAIT: Final = 30
"""Seconds until a test gives up waiting for the page."""
SIGN_IN: Final = """
from django.contrib.auth.models import Permission, User
from django.test import Client
user = User.objects.get()
user.user_permissions.add(Permission.objects.get(codename="write_chats"))
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""
TOOLS: Final = json.dumps([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}])


class Platform(NamedTuple):
    """What a browser talks to."""

    host: Host
    server: Server
    upstream: ScriptedUpstream

    @property
    def last_body(self) -> dict[str, Any]:
        """The newest request that the upstream received."""
        return self.upstream.exchanges[-1].body


def answer(exchange: Exchange) -> None:
    """The upstream's part. It answers by the last message."""
    last = exchange.body["messages"][-1]
    question = last["content"]
    words = ["Hello, ", "<b>world</b> 🙂"]
    if question == "fail":
        exchange.answer({"error": {"message": "Too long.", "code": "context_length_exceeded"}}, 400)
    elif question == "break off":
        exchange.stream(chunk({"content": "Half"}), done=False)
    elif question == "wait":
        exchange.start()
        exchange.event(chunk({"content": "Half"}))
        exchange.wait_closed(WAIT)
    elif question == "weather":
        exchange.stream(*_calls("Oslo", "Bergen"), chunk(finish_reason="tool_calls"))
    elif last["role"] == "tool":
        exchange.stream(*chunks_of("It is cold."))
    elif exchange.body.get("stream"):
        usage: dict[str, Any] = {"prompt_tokens": 90, "completion_tokens": 3, "total_tokens": 93}
        usage |= {"prompt_tokens_details": {"cached_tokens": 64}}
        exchange.stream(chunk({"reasoning_content": "Hm."}), *chunks_of(*words), chunk(choices=[], usage=usage))
    else:
        exchange.answer(completion("".join(words)))


def _calls(*cities: str) -> list[dict[str, Any]]:
    """Chunks with a call of a tool for each city, whose arguments come in two pieces."""
    found = []
    for index, city in enumerate(cities):
        function = {"name": "get_weather", "arguments": '{"city": '}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        found += [chunk({"tool_calls": [call]})]
        found += [chunk({"tool_calls": [{"index": index, "function": {"arguments": f'"{city}"}}'}}]})]
    return found


def png(side: int = 8) -> bytes:
    """A square image in one color."""
    rows = b"".join(b"\0" + b"\x1f\x5f\xbf" * side for _ in range(side))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def data_url(image: bytes) -> str:
    """The address under which the page sends this image."""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


class Page:
    """What a reader does and sees. `browser` is signed in on the page."""

    def __init__(self, browser: Any, host: Host, base_url: str, session: str) -> None:
        self.browser, self.host, self.url = browser, host, f"{base_url}/api/v1/chat/completions"
        self.keys: Any = pytest.importorskip("selenium.webdriver.common.keys").Keys
        browser.get(f"{base_url}/health/")  # a cookie needs an open page of its site
        browser.delete_all_cookies()
        browser.execute_script("sessionStorage.clear()")
        browser.add_cookie({"name": "sessionid", "value": session})
        browser.get_log("browser")
        browser.get(self.url)

    def find(self, name: str) -> Any:
        """The element `tl-<name>`."""
        return self.browser.find_element("id", f"tl-{name}")

    def all(self, selector: str) -> list[Any]:
        """All elements of a CSS selector."""
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def text(self, name: str) -> str:
        return str(self.find(name).text)

    def click(self, name: str) -> None:
        self.find(name).click()

    def type(self, name: str, text: str) -> None:
        """By script: the driver cannot type all of Unicode."""
        self.fill(self.find(name), text)

    def fill(self, field: Any, text: str) -> None:
        """The same for any field."""
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.browser.execute_script(script, field, text)

    def open(self, *sections: str) -> None:
        """Open parts of the page that are closed at first."""
        for name in sections:
            self.browser.execute_script("arguments[0].open = true", self.find(name))

    def choose(self, name: str, value: str) -> None:
        """Choose an option."""
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.browser.execute_script(script, self.find(name), value)

    def wait(self, condition: Any) -> Any:
        """Wait until the condition is true."""
        waiting = pytest.importorskip("selenium.webdriver.support.ui")
        return waiting.WebDriverWait(self.browser, WAIT, poll_frequency=0.05).until(lambda _: condition())

    def ask(self, text: str, *, stream: bool = True) -> None:
        """Send a question and wait for the end."""
        if self.browser.find_element("name", "stream").is_selected() != stream:
            self.browser.find_element("css selector", ".tl-switch").click()
        self.type("user", text)
        self.finish(lambda: self.click("send"))

    def finish(self, action: Any) -> None:
        """Do what starts a call, and wait for its end."""
        self.browser.execute_script("document.getElementById('tl-note').textContent = ''")
        action()
        self.wait(lambda: self.text("note").endswith(" s"))

    def turns(self) -> list[tuple[str, str]]:
        """Role and text of each turn."""
        script = """return [...document.querySelectorAll(".tl-turn")].map((turn) =>
            [turn.querySelector("h3").textContent, turn.querySelector("[data-part=text]").textContent])"""
        return [tuple(each) for each in self.browser.execute_script(script)]

    def press_in_turn(self, number: int, name: str) -> None:
        """Press a button of a turn, counted from 0."""
        self.all(".tl-turn")[number].find_element("css selector", f"[data-part={name}]").click()

    def fact(self, name: str) -> str:
        """A figure of the newest answer; empty if it is not shown."""
        found = self.all(f".tl-turn:last-child [data-part=fact-{name}] dd")
        return str(found[0].text) if found else ""

    def press(self, *names: str) -> None:
        """Press keys where the focus is."""
        for name in names:
            self.browser.switch_to.active_element.send_keys(getattr(self.keys, name))

    def write(self, text: str) -> None:
        """Type where the focus is."""
        self.browser.switch_to.active_element.send_keys(text)

    def focus(self, name: str) -> None:
        self.browser.execute_script("arguments[0].focus()", self.find(name))

    def focused(self) -> str:
        """The id of the element that has the focus, or the name of the part."""
        script = "const e = document.activeElement; return e.id || e.dataset.part || e.tagName"
        return str(self.browser.execute_script(script))

    def tab_to(self, name: str) -> None:
        """Go forward with Tab to the element with this id or accessible name."""
        for _ in range(80):
            self.press("TAB")
            active = self.browser.switch_to.active_element
            if name in (active.get_attribute("id"), active.accessible_name):
                return
        raise AssertionError(f"{name!r} cannot be reached with Tab.")

    def row(self) -> Any:
        """The newest row of the ledger."""
        columns = "request_id, is_stream, prompt_tokens, completion_tokens"
        with sqlite3.connect(self.host.env["DATABASE_URL"].removeprefix("sqlite:///")) as connection:
            row = connection.execute(f"SELECT {columns} FROM threadless_usagerecord ORDER BY id DESC").fetchone()
        connection.close()
        return row
