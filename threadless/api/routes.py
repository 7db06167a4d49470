"""`endpoint`: a route of ours, in the list that `threadless.urls` makes."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RegexPattern
from django.utils.regex_helper import normalize


class _EndpointPattern(RegexPattern):
    """Its text is the path with the names of its groups. Tracing packages show this text as the route."""

    def __init__(self, expression: str, name: str) -> None:
        [(path, groups), *_] = normalize(expression)
        self._path = path % {group: f"<{group}>" for group in groups}
        super().__init__(f"^{expression}/?$", name, is_endpoint=True)

    def __str__(self) -> str:
        return self._path


def endpoint(expression: str, view: Any, *, name: str) -> URLPattern:
    """A route with an optional slash: a redirect to add one would lose the body of a POST.

    `expression`: a regular expression for the path, without a slash at either end.
    """
    return URLPattern(_EndpointPattern(expression, name), view, name=name)
