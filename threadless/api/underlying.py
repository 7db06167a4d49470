"""Access to Django's objects behind DRF's. Private names of both libraries are used only in this module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request


def django_request(request: Request) -> HttpRequest:
    """The Django request behind a DRF request."""
    plain: HttpRequest = request._request
    return plain


def without_form(request: Request) -> HttpRequest:
    """The Django request with an empty form. Code that looks for a credential in a form then leaves the body unread."""
    plain: Any = request._request
    if not hasattr(plain, "_post"):
        plain._post, plain._files = QueryDict(), MultiValueDict()
    return plain  # type: ignore[no-any-return]


def has_been_read(request: HttpRequest) -> bool:
    """True if the whole body has already been read, for example by a middleware."""
    return hasattr(request, "_body")


def mark_logged(response: HttpResponseBase) -> None:
    """Keep Django from logging this response: the caller has done so, with the request id."""
    response._has_been_logged = True  # type: ignore[attr-defined]


def when_closed(response: HttpResponseBase, callback: Callable[[], object]) -> None:
    """Run `callback` when the server closes the response, after it has been sent."""
    response._resource_closers.append(callback)  # type: ignore[attr-defined]
