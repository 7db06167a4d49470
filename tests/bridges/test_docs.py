"""The code on the page about bridges answers calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.support.upstream import UPSTREAM_KEY

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bridges.md").read_text()
BLOCK = re.compile(r"```python\n# (chats/llm|settings)\.py\n(.*?)```", re.DOTALL)


def sections() -> dict[str, dict[str, str]]:
    """The sections with code: heading → file → code."""
    found = {part.partition("\n")[0]: dict(BLOCK.findall(part)) for part in PAGE.split("\n## ")[1:]}
    return {heading: blocks for heading, blocks in found.items() if blocks}


@pytest.fixture
def chats() -> Iterator[ModuleType]:
    """The host's module `chats.llm`."""
    package, module = ModuleType("chats"), ModuleType("chats.llm")
    package.llm = module  # type: ignore[attr-defined]
    sys.modules |= {"chats": package, "chats.llm": module}
    yield module
    del sys.modules["chats"], sys.modules["chats.llm"]


@pytest.mark.parametrize("heading", sections())
def test_code_of_each_section_answers_calls(platform: Platform, settings: Any, chats: ModuleType, heading: str) -> None:
    settings.LLM_URL, settings.LLM_KEY = platform.upstream.base_url, UPSTREAM_KEY
    platform.upstream.script(scripts.say)
    blocks = sections()[heading]
    exec(blocks["chats/llm"], vars(chats))
    values = {"THREADLESS": dict(settings.THREADLESS)}
    exec(blocks["settings"], values)
    settings.THREADLESS = values["THREADLESS"]
    assert platform.ask()["choices"][0]["message"]["content"] == "Hello there"
    assert platform.stream().text == "Hello there"


def test_every_block_is_a_file_that_is_run() -> None:
    beginnings = set(re.findall(r"^```(\w+\n.*)$", PAGE, re.MULTILINE))
    assert beginnings == {"python\n# chats/llm.py", "python\n# settings.py"}


def test_page_shows_every_bridge() -> None:
    folder = Path(__file__).resolve().parents[2] / "threadless" / "contrib"
    is_bridge = re.compile(r"\((?:BridgeBackend|CompletionsBridge)\):\n(?!.*@abstractmethod)", re.DOTALL)
    sources = [path for path in folder.rglob("*.py") if is_bridge.search(path.read_text())]
    bridges = {path.parent.name if path.stem == "backend" else path.stem for path in sources}
    assert len(bridges) >= 5
    assert {f"threadless.contrib.{name}." in PAGE for name in bridges} == {True}
