"""The barest host, for the tests of bridges: they need packages that take seconds to import."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
