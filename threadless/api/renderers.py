"""JSON by msgspec, and the browsable page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer


class JSONRenderer(BaseRenderer):
    """What clients get; an error as well."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


class CompletionsPageRenderer(BrowsableAPIRenderer):
    """The page on which a signed-in user tries the endpoint in a browser."""

    template = "threadless/completions.html"
