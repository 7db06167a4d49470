"""Renders JSON with msgspec, and the browsable pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer

from threadless.api.sign_in import login_address
from threadless.api.underlying import django_request
from threadless.conf import conf
from threadless.encoding import encode
from threadless.keys.scopes import permission_name


class JSONRenderer(BaseRenderer):
    """Renders every answer to an API client, including errors."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else encode(data)


class _PageRenderer(BrowsableAPIRenderer):
    """DRF's browsable page with our template, without the forms that DRF builds by trying every method."""

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        failure = data.get("error")
        given = {"notice": failure["message"]} if failure else data
        if context["response"].status_code == 403:
            given |= {"permission": permission_name(conf.required_scope)}
        return context | {"endpoint": context["request"].path} | given

    def get_content(self, *args: Any) -> str:
        return ""

    def get_rendered_html_form(self, *args: Any) -> None:
        return None

    def get_raw_data_form(self, *args: Any) -> None:
        return None

    def get_filter_form(self, *args: Any) -> None:
        return None


class CallPageRenderer(_PageRenderer):
    """The page on which a signed-in user can try an endpoint, or reads why that is not possible."""

    def __init__(self, template: str) -> None:
        self.template = template

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        """With `?raw` the page has a form for the raw body instead of a conversation."""
        if "raw" in renderer_context["request"].query_params:
            self.template = "threadless/raw.html"
        return super().render(data, accepted_media_type, renderer_context)

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        """DRF's form for the raw body."""
        if method != "POST" or "raw" not in request.query_params:
            return None
        return BrowsableAPIRenderer.get_raw_data_form(self, data, view, method, request)

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        context = super().get_context(data, accepted_media_type, renderer_context)
        return context | {
            "method": "POST",
            "chosen": context["request"].query_params.get("model"),
            "max_bytes": conf.max_body_bytes,
            "currency": conf.currency,
            "login_address": login_address(django_request(context["request"])),
        }


class ModelsPageRenderer(_PageRenderer):
    """The list of models and agents of a signed-in user, with a link to try each."""

    template = "threadless/models.html"

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        context = super().get_context(data, accepted_media_type, renderer_context)
        return context | {"method": "GET", "models": data.get("data", ())}
