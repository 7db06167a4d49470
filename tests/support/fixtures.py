"""Types of the fixtures in `tests/conftest.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

IssueKey = Callable[..., tuple[Any, str]]
"""Takes the fields of a key; returns the key and its secret."""
Configure = Callable[..., None]
"""Takes our settings by name."""
