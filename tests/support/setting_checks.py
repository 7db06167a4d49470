"""Runs the system checks on changed settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import run_checks

DUMMY = {"BACKEND": "threadless.backends.dummy.DummyBackend"}


class NoMethods:
    """Neither a backend nor anything else."""


def found(settings: Any, value: Any, **others: Any) -> list[str]:
    """The ids of our messages under these settings."""
    settings.THREADLESS = value if not isinstance(value, dict) else {"BACKENDS": {"default": DUMMY}} | value
    for name, other in others.items():
        setattr(settings, name, other)
    return [str(message.id) for message in run_checks(tags=["threadless"], include_deployment_checks=True)]
