"""`GET openapi.json` and `GET docs`: the description of our endpoints. Every reader gets the same, without a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from django.urls import URLPattern, reverse
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from threadless.api.underlying import django_request
from threadless.api.views import EndpointView
from threadless.openapi.document import document
from threadless.openapi.page import objects, sections
from threadless.openapi.parts import Operation
from threadless.types import JSONObject


class OpenAPIView(EndpointView):
    """The document for these endpoints."""

    endpoints: Sequence[URLPattern] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nobody is refused, and no gate counts the request."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The document, with the address under which the client has reached us."""
        return Response(self.document(request, *args, **kwargs))

    def document(self, request: Request, *args: Any, **kwargs: Any) -> JSONObject:
        """The document for the address of this request."""
        match: Any = request.resolver_match
        document_path = reverse(f"{match.namespace}:{match.url_name}", args=args, kwargs=kwargs)
        prefix = document_path.rpartition("/")[0]
        operations = described(self.endpoints, match.namespace, kwargs)
        below = {path.removeprefix(prefix): operation for path, operation in operations}
        return document(django_request(request).build_absolute_uri(prefix), below)


class ReferenceView(OpenAPIView):
    """The same as a page that works without scripts."""

    def get_renderers(self) -> list[Any]:
        return [TemplateHTMLRenderer()]

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page."""
        document = self.document(request, *args, **kwargs)
        context = {
            "server": document["servers"][0]["url"],
            "operations": list(sections(document)),
            "objects": list(objects(document)),
        }
        return Response(context, template_name="threadless/reference.html")


def described(
    endpoints: Sequence[URLPattern], namespace: str, kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Operation]]:
    """Path template and description of each endpoint. `kwargs`: those of a prefix with parameters."""
    for endpoint in endpoints:
        view: Any = endpoint.callback
        operation = view.cls(**view.initkwargs).describe() if issubclass(view.cls, EndpointView) else None
        if operation is not None:
            yield _path(endpoint, namespace, kwargs), operation


def _path(endpoint: URLPattern, namespace: str, kwargs: Mapping[str, Any]) -> str:
    names: Any = endpoint.pattern.regex.groupindex
    templates = {name: f"{{{name}}}" for name in names}
    return unquote(reverse(f"{namespace}:{endpoint.name}", kwargs={**kwargs, **templates}))
