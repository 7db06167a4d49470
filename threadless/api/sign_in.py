"""Leads a signed-out browser that opens a page to the host's login page. API clients never get there."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import Resolver404, resolve
from rest_framework.request import Request

from threadless.api.negotiation import asks_for_page
from threadless.api.underlying import django_request


class SignInFirst(Exception):
    """Raised for a page that a signed-out browser opens. The exception handler answers it."""


def check_signed_in(request: Request) -> None:
    """Raise `SignInFirst` if a signed-out browser opens a page and the host has a login page."""
    plain = django_request(request)
    user = getattr(plain, "user", None)
    if user is None or user.is_authenticated or not asks_for_page(request):
        return
    if login_address(plain):
        raise SignInFirst


def login_redirect(request: HttpRequest) -> HttpResponseRedirect:
    """To the login page, and from there back to this page."""
    return HttpResponseRedirect(login_address(request))


def login_address(request: HttpRequest) -> str:
    """The page of the setting `LOGIN_URL`, with `?next=` for this page; empty if the host does not serve it."""
    from django.contrib.auth.views import redirect_to_login  # needs the app registry

    address = redirect_to_login(request.get_full_path()).url
    return address if _is_served(address) else ""


def _is_served(address: str) -> bool:
    """Django's default for `LOGIN_URL` is an address that many hosts do not have. Other sites count as served."""
    parts = urlsplit(address)
    if parts.netloc:
        return True
    try:
        resolve(parts.path)
    except Resolver404:
        return False
    return True
