"""A host with its own routes below our prefix, made from the settings as they are when it is loaded."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from threadless.urls import routes


def health(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """A route of the host."""
    return HttpResponse("ok")


urlpatterns = [
    path("api/v1/", include((routes(), "threadless"))),
    path("<slug:team>/llm/", include((routes(), "threadless"), namespace="teams")),
    path("api/v1/health", health),
]
