"""What all pages share: sign-in, tabs and headers."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from threadless.keys.scopes import scopes_of
from threadless.types import Caller

_TABS = (("keys", _("Keys")), ("usage", _("Usage")), ("models", _("Models")), ("guide", _("Calling the API")))


class CustomerPage(LoginRequiredMixin, TemplateView):
    """A page of the signed-in user. Others are redirected to the login page."""

    title: ClassVar[Any]
    tab: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Content-Security-Policy", _policy())
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tabs = [(name, label, reverse(f"threadless_self_service:{name}")) for name, label in _TABS]
        shared = {"title": self.title, "tab": self.tab, "tabs": tabs, "base_url": base_url_of(self.request)}
        return super().get_context_data(**shared | kwargs)

    @property
    def caller(self) -> Caller:
        """The signed-in user as a caller, as in a session on our endpoints."""
        user = self.request.user
        return Caller(user_id=user.pk, label="session", scopes=scopes_of(user))


def base_url_of(request: HttpRequest) -> str:
    """The base URL for clients, or an empty string if the host does not include our routes under their usual name."""
    try:
        path = reverse("threadless:models")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(path).rstrip("/").removesuffix("/models")


def _policy() -> str:
    """The content security policy: nothing but the host's own static files."""
    origin = urlsplit(static(""))
    source = f"{origin.scheme or 'https'}://{origin.netloc}" if origin.netloc else "'self'"
    allowed = "; ".join(f"{kind} {source}" for kind in ("style-src", "script-src", "img-src"))
    return f"default-src 'none'; {allowed}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
