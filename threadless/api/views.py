"""The endpoints. They read their classes from `conf` at each request; class attributes would be fixed at import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from threadless import resolvers
from threadless.api.authentication import caller_of
from threadless.api.body import drain_request, read_json_body
from threadless.api.exception_handler import exception_handler
from threadless.api.headers import RequestHeaders, Stopwatch, client_request_id_of, new_request_id, set_headers
from threadless.api.negotiation import AnyNegotiation, wants_page
from threadless.api.renderers import CallPageRenderer, JSONRenderer, ModelsPageRenderer
from threadless.api.responses import respond
from threadless.api.sign_in import check_signed_in
from threadless.api.underlying import django_request
from threadless.calls.call import Call
from threadless.calls.gates import Gates
from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.dialects.base import Dialect, error_body
from threadless.exceptions import APIError, ReadOnly, UnknownPath
from threadless.extensions import additions
from threadless.openapi.models import list_models, retrieve_model
from threadless.openapi.parts import Operation
from threadless.server.client import Client
from threadless.types import Caller, JSONObject, Target


class EndpointView(APIView):
    """Base of our endpoints: classes from the settings, gates, error bodies, and the headers of every answer."""

    content_negotiation_class = AnyNegotiation
    http_method_names = ["get", "head"]
    schema = None

    request_id: str
    """Our own id of the request, for the ledger, the upstream and the log."""
    client_request_id: str
    """The client's id, which is returned to it; empty if it sent none."""
    stopwatch: Stopwatch
    gates: Gates
    caller: Caller

    def get_authenticators(self) -> list[Any]:
        return [authenticator() for authenticator in conf.authentication_classes]

    def get_permissions(self) -> list[Any]:
        return [permission() for permission in conf.permission_classes]

    def get_throttles(self) -> list[Any]:
        return [throttle() for throttle in conf.throttle_classes]

    def get_parsers(self) -> list[Any]:
        return []

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer()]

    def get_exception_handler(self) -> Any:
        return exception_handler

    def describe(self) -> Operation | None:
        """The endpoint in our OpenAPI document; None leaves it out."""
        return None

    def error_body(self, error: APIError) -> JSONObject:
        """The body of an error, in the format of this endpoint."""
        return error_body(error)

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.request_id = new_request_id()
        self.client_request_id = client_request_id_of(request)
        self.stopwatch = Stopwatch()
        self.gates = Gates(RequestHeaders(request.META))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)
        self.gates.knock(self.caller)
        self.stopwatch.lap("auth")

    @property
    def default_response_headers(self) -> dict[str, str]:
        """DRF's `Allow` and `Vary`. Answers to a call are the same for every `Accept`; unknown paths allow nothing."""
        is_call = django_request(self.request).method == "POST" and "post" in self.http_method_names
        if is_call or not self.allowed_methods:
            return {}
        return super().default_response_headers

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        if getattr(response, "exception", False) and not wants_page(request):
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = "application/json"
        finalized = super().finalize_response(request, response, *args, **kwargs)
        set_headers(finalized, self.client_request_id or self.request_id, self.stopwatch, self.gates.headers())
        release_connections(keep_files=True)  # the client may read the response as slowly as it likes
        if finalized.status_code >= 400:
            drain_request(django_request(request), finalized)
        return finalized


class CallView(EndpointView):
    """The endpoint of one dialect. A signed-in browser gets a page to try it, if the dialect has one."""

    http_method_names = ["get", "post"]
    parser_classes = [JSONParser]
    """Only for the form with the raw body: we read bodies ourselves."""
    dialect: Dialect = None  # type: ignore[assignment]  # set by `as_view`

    def describe(self) -> Operation | None:
        described = self.dialect.describe()
        if described is not None:
            for add in additions("threadless_call_descriptions"):
                described = add(described)
        return described

    def error_body(self, error: APIError) -> JSONObject:
        return self.dialect.error_body(error)

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), CallPageRenderer(self.dialect.page)] if self.dialect.page else [JSONRenderer()]

    def get_view_name(self) -> str:
        return "Chat completions"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if django_request(request).method != "POST":
            self._require_page(request)
        if conf.read_only and django_request(request).method == "POST":
            raise ReadOnly
        super().initial(request, *args, **kwargs)

    def _require_page(self, request: Request) -> None:
        if self.dialect.page:
            check_signed_in(request)
        if not (wants_page(request) and self.dialect.page):
            self.http_method_not_allowed(request)

    def get(self, request: Request) -> Response:
        """The page to try the endpoint."""
        return Response({"targets": resolvers.targets(self.caller)})

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponseBase:
        """One call."""
        plain = django_request(request)
        client = Client(plain)
        asked = self.dialect.parse(read_json_body(plain, client), self.request_id)
        target = resolvers.resolve(asked.model, self.caller)
        self.check_object_permissions(request, target)
        call = Call(self.dialect, asked, target, self.caller, self.gates, client_request_id=self.client_request_id)
        self.stopwatch.lap("resolve")
        return respond(call, client, self.stopwatch)


class ModelListView(EndpointView):
    """`GET models`: the models and agents that a call would find for this caller."""

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), ModelsPageRenderer()]

    def get_view_name(self) -> str:
        return "Models"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_signed_in(request)
        super().initial(request, *args, **kwargs)

    def describe(self) -> Operation:
        return list_models()

    def get(self, request: Request) -> Response:
        """A list in the format of the OpenAI API."""
        models = [_model(target) for target in resolvers.targets(self.caller)]
        return Response({"object": "list", "data": models})


class ModelDetailView(EndpointView):
    """`GET models/{id}`."""

    def describe(self) -> Operation:
        return retrieve_model()

    def get(self, request: Request, name: str) -> Response:
        """One model or agent."""
        return Response(_model(resolvers.resolve(name, self.caller)))


class UnknownPathView(EndpointView):
    """Any other path below our prefix. The answer names what is served and needs no key."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        *others, last = self._served()
        served = f"{', '.join(others)} and {last}" if others else last
        raise UnknownPath(f"There is nothing at {request.method} {request.path[:200]}. This API serves {served}.")

    def _served(self) -> Iterator[str]:
        """Method and path of each endpoint, below the prefix of this request."""
        match: Any = self.request.resolver_match
        namespace, names = match.namespace, [("POST", dialect.name) for dialect in conf.dialects]
        added = [("GET", route.name) for route in additions("threadless_routes")]
        for method, name in [*names, ("GET", "models"), *added]:
            yield f"{method} {reverse(f'{namespace}:{name}', args=self.args, kwargs=self.kwargs)}"


def _model(target: Target) -> JSONObject:
    model = {"id": target.id, "object": "model", "created": target.created, "owned_by": target.owned_by}
    for_humans = {"name": target.name, "description": target.description}
    return model | {field: text for field, text in for_humans.items() if text}
