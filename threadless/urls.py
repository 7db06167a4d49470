"""`path("api/v1/", include("threadless.urls"))`: a route for each dialect, the models, and what installed apps add.

The last route answers every other path below the prefix, so that clients with a wrong base URL get an error that their
SDK can read.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.urls import URLPattern, re_path

from threadless.api.description import OpenAPIView, ReferenceView
from threadless.api.routes import endpoint
from threadless.api.views import CallView, ModelDetailView, ModelListView, UnknownPathView
from threadless.conf import conf
from threadless.dialects.base import Dialect
from threadless.extensions import additions

app_name = "threadless"


def _route(dialect: Dialect) -> URLPattern:
    view: Any = CallView.as_view(dialect=dialect)
    for alias in connections:
        # `ATOMIC_REQUESTS` would hold a transaction while we wait for the upstream, and could roll the row back.
        view = transaction.non_atomic_requests(using=alias)(view)
    return endpoint(dialect.path, view, name=dialect.name)


def routes() -> list[URLPattern]:
    """The routes for the settings as they are now."""
    unknown = [re_path("", UnknownPathView.as_view(), name="unknown")] if conf.unknown_paths == "refuse" else []
    endpoints = [
        *(_route(dialect()) for dialect in conf.dialects),
        endpoint("models", ModelListView.as_view(), name="models"),
        endpoint("models/(?P<name>.+?)", ModelDetailView.as_view(), name="model"),
        *additions("threadless_routes"),
    ]
    description = [
        endpoint(r"openapi\.json", OpenAPIView.as_view(endpoints=endpoints), name="openapi"),
        endpoint("docs", ReferenceView.as_view(endpoints=endpoints), name="reference"),
    ]
    return [*endpoints, *description, *unknown]


urlpatterns = routes()
