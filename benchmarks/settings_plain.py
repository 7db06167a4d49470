"""The example host with the view of `benchmarks.plain` alone."""

from __future__ import annotations

from benchmarks.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.plain"
