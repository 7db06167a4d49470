"""Pages for members, and the desk's own guard in front of everything that is no API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

OPEN_PREFIXES = ("/helpdesk/api/", "/helpdesk/about/", "/gate/")


class MembersOnly:
    """The desk's own login-required middleware: paths that are not named are closed."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        if request.user.is_authenticated or request.path.startswith(OPEN_PREFIXES):
            return self.get_response(request)
        return HttpResponse("Members only.", status=401, content_type="text/plain")


def home(request: HttpRequest) -> HttpResponse:
    """Long enough to be compressed."""
    return HttpResponse("Welcome to the desk. " * 40)
