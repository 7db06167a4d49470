"""`GET key` and `GET usage`. Every valid key may ask, also one without `REQUIRED_SCOPE`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from threadless.api.views import EndpointView
from threadless.openapi.parts import Operation
from threadless.self_service.openapi import list_usage, retrieve_key
from threadless.self_service.parameters import usage_query


class KeyView(EndpointView):
    """What this key is, what it may do, and what it has used."""

    required_scope = ""

    def describe(self) -> Operation:
        return retrieve_key()

    def get(self, request: Request) -> Response:
        """One object."""
        from threadless.self_service.key_facts import facts_of  # needs `threadless.reports`, which a check requires

        return Response(facts_of(self.caller))


class UsageView(EndpointView):
    """Usage by day or hour, in the format of the OpenAI API."""

    required_scope = ""
    is_alias = False
    """True for a second path, which the OpenAPI document leaves out."""

    def describe(self) -> Operation | None:
        return None if self.is_alias else list_usage()

    def get(self, request: Request) -> Response:
        """One page of buckets."""
        from threadless.self_service.buckets import page_of  # needs `threadless.reports`, which a check requires

        return Response(page_of(usage_query(request.query_params), self.caller))
