"""The endpoints. Each asks `conf` for its policies at each request: class attributes would freeze them at import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from threadless import resolvers
from threadless.api import event_stream
from threadless.api.authentication import caller_of
from threadless.api.body import drain_request, read_json_body
from threadless.api.exception_handler import exception_handler
from threadless.api.headers import Stopwatch, request_id_of, set_headers
from threadless.api.negotiation import AnyNegotiation, wants_page
from threadless.api.renderers import CompletionsPageRenderer, JSONRenderer, ModelsPageRenderer
from threadless.api.throttling import Limit, charge_tokens
from threadless.api.underlying import django_request, when_closed
from threadless.backends import backends
from threadless.calls.call import Call
from threadless.calls.running import end_calls
from threadless.completions.parse import ParsedBody, parse
from threadless.completions.tools import check_tools, has_media
from threadless.conf import conf
from threadless.exceptions import Cancelled, InvalidRequest
from threadless.server import graceful
from threadless.server.client import client_socket, is_async
from threadless.server.cork import cork
from threadless.server.watch import watch
from threadless.types import JSONObject, Target


class OpenAIView(APIView):
    """What our endpoints share: the policies of the settings, the OpenAI error body, the headers on every answer."""

    content_negotiation_class = AnyNegotiation
    http_method_names = ["get", "head"]
    schema = None

    request_id: str
    stopwatch: Stopwatch
    limits: list[Limit]
    leases: list[Callable[[], None]]
    """Places that throttles hold for this request; given back when it or its call ends."""

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

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.request_id = request_id_of(request)
        self.stopwatch = Stopwatch()
        self.limits = []
        self.leases = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.stopwatch.lap("auth")

    @property
    def default_response_headers(self) -> dict[str, str]:
        """DRF's `Allow` and `Vary`, but for answers to a call, which are the same whatever `Accept` says."""
        is_call = django_request(self.request).method == "POST" and "post" in self.http_method_names
        return {} if is_call else super().default_response_headers

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        for release in self.leases:
            release()
        if getattr(response, "exception", False) and not wants_page(request):
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = "application/json"
        finalized = super().finalize_response(request, response, *args, **kwargs)
        set_headers(finalized, self.request_id, self.stopwatch, self.limits)
        if finalized.status_code >= 400:
            drain_request(django_request(request), finalized)
        return finalized


class ChatCompletionsView(OpenAIView):
    """`POST chat/completions`; a GET by a signed-in browser shows a page to try it on."""

    http_method_names = ["get", "post"]

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), CompletionsPageRenderer()]

    def get_view_name(self) -> str:
        return "Chat completions"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = django_request(request).method
        if method not in ("GET", "POST"):
            self.http_method_not_allowed(request)
        if method == "GET" and not wants_page(request):
            self.http_method_not_allowed(request)  # whoever GETs this path without a browser has mistaken the method
        super().initial(request, *args, **kwargs)

    def get(self, request: Request) -> Response:
        """The browsable page."""
        return Response({"targets": resolvers.targets(caller_of(request))})

    def post(self, request: Request) -> HttpResponseBase:
        """One completion."""
        body = parse(read_json_body(django_request(request)))
        target = self._target(request, body)
        call = Call(body, target, caller_of(request), self.request_id)
        self.stopwatch.lap("resolve")
        _follow_server(request)
        call.open()
        self._hand_over_leases(call)
        call.on_end.append(lambda ended: charge_tokens(ended.caller, ended.usage))
        unwatch = watch(client_socket(django_request(request)), call.cancel)
        call.on_end.append(lambda _: unwatch())
        return self._stream(request, call) if body.is_stream else self._complete(request, call)

    def _target(self, request: Request, body: ParsedBody) -> Target:
        target = resolvers.resolve(body.typed.model, caller_of(request))
        self.check_object_permissions(request, target)
        check_tools(body.typed, target)
        backend = backends[target.backend]
        if body.typed.tools and not backend.supports_tools:
            raise InvalidRequest("This model does not support tools.", param="tools", code="unsupported_parameter")
        if not backend.supports_images and has_media(body.typed.messages):
            raise InvalidRequest("This model reads text only.", param="messages", code="unsupported_parameter")
        return target

    def _hand_over_leases(self, call: Call) -> None:
        for release in self.leases:
            call.on_end.append(lambda _, release=release: release())  # type: ignore[misc]
        self.leases = []

    def _complete(self, request: Request, call: Call) -> HttpResponse:
        if is_async(django_request(request)):
            call.start_plain()
            async_to_sync(event_stream.take)(call, None)
            body = call.result()
        else:
            body = call.complete()
        self.stopwatch.add("upstream", call.first_token_seconds)
        response = HttpResponse(msgspec.json.encode(body), content_type="application/json")
        if (corked := cork(client_socket(django_request(request)))) is not None:
            when_closed(response, corked)
        return response

    def _stream(self, request: Request, call: Call) -> StreamingHttpResponse:
        call.start_stream(event_stream.encode_chunk)
        use_async = is_async(django_request(request))
        grace = conf.grace_seconds
        first = async_to_sync(event_stream.take)(call, grace) if use_async else call.channel.take(grace)
        if first is None:
            raise call.failure or Cancelled
        call.is_committed = True
        self.stopwatch.add("upstream", call.first_token_seconds)
        events = (event_stream.AsyncEventIterator if use_async else event_stream.EventIterator)(call, first)
        return StreamingHttpResponse(events, headers=event_stream.HEADERS)


class ModelListView(OpenAIView):
    """`GET models`: the models and agents that `POST chat/completions` would find for this caller."""

    def get_renderers(self) -> list[Any]:
        return [JSONRenderer(), ModelsPageRenderer()]

    def get_view_name(self) -> str:
        return "Models"

    def get(self, request: Request) -> Response:
        """The OpenAI list shape."""
        models = [_model(target) for target in resolvers.targets(caller_of(request))]
        return Response({"object": "list", "data": models})


class ModelDetailView(OpenAIView):
    """`GET models/{id}`."""

    def get(self, request: Request, name: str) -> Response:
        """One model or agent."""
        return Response(_model(resolvers.resolve(name, caller_of(request))))


def _follow_server(request: Request) -> None:
    """Under ASGI, learn of the server's end before the upstream is asked: a signal after that must find us."""
    if is_async(django_request(request)) and not graceful.is_installed_in_loop:
        async_to_sync(graceful.install_in_event_loop)(end_calls)


def _model(target: Target) -> JSONObject:
    model = {"id": target.id, "object": "model", "created": target.created, "owned_by": target.owned_by}
    for_humans = {"name": target.name, "description": target.description}
    return model | {field: text for field, text in for_humans.items() if text}
