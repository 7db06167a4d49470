"""The current conversation as programs: each is run, and sends exactly what the page would send."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import Node
from tests.support.playground import TOOLS, Page, Platform, data_url, png

QUESTION = "It's \"on\" 🙂 \\ $HOME `x` {y} JSON\nJSON\n'''"
"""Characters that end a string in one of the languages."""
PROGRAMS = ["curl", "python", "node", "langchain"]


def shown(page: Page, name: str, words: str) -> str:
    """The program of a tab, once these words are in it."""
    page.click(f"tab-{name}")
    page.wait(lambda: words in page.find(name).get_property("textContent"))
    text: str = page.find(name).get_property("textContent")
    return text


def run(name: str, program: str, key: str, folder: Path) -> str:
    """What the program prints."""
    program = program.replace("YOUR_KEY", key)
    command = [sys.executable, "-c", program] if name in ("python", "langchain") else ["bash", "-c", program]
    if name == "langchain":
        pytest.importorskip("langchain_openai")
    if name == "node":
        node = Node.installed()
        script = node.folder / f"{folder.name}.mjs"
        script.write_text(program)
        command = node.command(script.name)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sent(platform: Platform) -> dict[str, Any]:
    """The newest request, without what SDKs add."""
    body = dict(platform.last_body)
    return {name: value for name, value in body.items() if name != "stream_options" and value is not False}


def prepare(page: Page) -> None:
    """A conversation with everything that a request can have."""
    page.type("system", "Be brief.")
    for name, value in {"temperature": "0.5", "max-tokens": "50", "seed": "7", "stop-sequences": "END\\n"}.items():
        page.type(name, value)
    page.type("tools", TOOLS)
    page.choose("tool-choice", "auto")
    page.ask("weather")
    for card, result in zip(page.all(".tl-call textarea"), ["cold", "rain"], strict=True):
        page.fill(card, result)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_program_sends_what_the_page_would_send(
    page: Page, platform: Platform, tmp_path: Path, name: str, stream: bool
) -> None:
    prepare(page)
    page.ask(QUESTION, stream=stream)
    expected = sent(platform)
    page.press_in_turn(3, "remove")
    page.wait(lambda: "world" not in page.find(name).get_property("textContent"))
    printed = run(name, shown(page, name, "JSON"), platform.host.key, tmp_path)
    assert "world" in printed
    assert sent(platform) == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_follows_the_form_and_holds_no_key(page: Page, name: str) -> None:
    page.type("user", "a question that is not sent yet")
    program = shown(page, name, "a question that is not sent yet")
    assert "YOUR_KEY" in program
    assert page.url.removesuffix("/chat/completions") in program


def test_image_is_shortened_on_the_page_and_whole_when_copied(page: Page, tmp_path: Path) -> None:
    (tmp_path / "square.png").write_bytes(png(200))
    page.open("attach")
    page.find("file").send_keys(str(tmp_path / "square.png"))
    page.wait(lambda: page.all("#tl-images canvas"))
    assert data_url(png(200)) not in shown(page, "curl", "data:image/png")
    page.browser.execute_script("""const writeText = async (words) => { window.copied = words; };
        Object.defineProperty(navigator, "clipboard", { value: { writeText } });""")
    page.click("copy")
    page.wait(lambda: page.text("copy") == "Copied")
    assert data_url(png(200)) in page.browser.execute_script("return window.copied")
