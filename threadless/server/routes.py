"""Loads the routes of the platform when a server starts, so that the first calls do not wait for their modules."""

from __future__ import annotations

import logging

from django.urls import get_resolver

logger = logging.getLogger("threadless")


def load_routes() -> None:
    """Import the URL configuration and what it includes. Errors are logged, because each request reports them, too."""
    try:
        get_resolver().url_patterns  # noqa: B018  (a cached property)
    except Exception:
        logger.exception("The URL configuration cannot be loaded.")
