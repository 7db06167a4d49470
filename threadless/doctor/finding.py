"""`Finding`: one result of the doctor."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, why it matters, and how to fix it. Shows no secret."""

    subject: str
    """The part of the installation, such as "cache"."""
    level: Level
    """An error breaks calls. A warning costs speed, limits or safety."""
    what: str
    why: str = ""
    fix: str = ""


def warning(subject: str, what: str, why: str, fix: str) -> Finding:
    """Something that works, but not as it should."""
    return Finding(subject=subject, level="warning", what=what, why=why, fix=fix)


def error(subject: str, what: str, why: str, fix: str) -> Finding:
    """Something that breaks calls."""
    return Finding(subject=subject, level="error", what=what, why=why, fix=fix)


def fine(subject: str, what: str) -> Finding:
    """Something that works, with what was measured."""
    return Finding(subject=subject, level="ok", what=what)
