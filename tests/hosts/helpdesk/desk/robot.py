"""The desk's own way to an answer, used by its ticket pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class RobotBroken(Exception):
    """The robot gave up."""


def words(history: list[dict[str, Any]]) -> Iterator[str]:
    """The answer to the last message, word by word."""
    question = str(history[-1]["content"])
    if question == "break":
        raise RobotBroken("a cable at robot.internal came loose")
    yield "You said: "
    yield from (f"{word} " for word in question.split())
