"""Every failure that reaches our views, in the error body of the OpenAI API; the host's own views are untouched."""

from __future__ import annotations

from typing import Any, Final

from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse
from django.utils.log import log_response
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from threadless.api.underlying import django_request
from threadless.exceptions import APIError, Cancelled, InternalError, retry_headers
from threadless.usage.base import CLIENT_LEFT

_BY_STATUS: Final = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "not_found"),
    405: ("invalid_request_error", "method_not_allowed"),
    413: ("invalid_request_error", "request_too_large"),
    415: ("invalid_request_error", "unsupported_media_type"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
"""Type and code for exceptions of DRF, Django and the host's own classes, by their HTTP status."""


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """For `get_exception_handler()` of our views. An unexpected exception still reaches the host's error reporting."""
    set_rollback()
    if isinstance(error, Cancelled):
        return HttpResponse(status=CLIENT_LEFT, reason="Client Closed Request")  # nobody reads it
    failure = api_error(error)
    headers = dict(failure.headers)
    if failure.status_code == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    response = Response(context["view"].error_body(failure), status=failure.status_code, headers=headers)
    if isinstance(failure, InternalError):
        _report(failure.__cause__ or error, context["request"], response)
    return response


def api_error(error: BaseException) -> APIError:
    """The error that the client is told of."""
    if isinstance(error, APIError):
        return error
    if isinstance(error, drf.APIException):
        return _from_drf(error)
    if isinstance(error, Http404):
        return _of_status(404, "Not found.")
    if isinstance(error, django_exceptions.PermissionDenied):
        return _of_status(403, "You do not have permission to perform this action.")
    if isinstance(error, django_exceptions.SuspiciousOperation):
        return _of_status(400, "Bad request.")
    return InternalError()


def _from_drf(error: drf.APIException) -> APIError:
    if error.status_code >= 500:
        return InternalError()
    message = error.detail if isinstance(error.detail, str) else "The request is not valid."
    failure = _of_status(error.status_code, str(message))
    if (wait := getattr(error, "wait", None)) is not None:
        failure.headers |= retry_headers(wait)
    return failure


def _of_status(status: int, message: str) -> APIError:
    kind, code = _BY_STATUS.get(status, _BY_STATUS[400])
    failure = APIError(message, type=kind, code=code)
    failure.status_code = status
    return failure


def _report(error: BaseException, request: Any, response: Response) -> None:
    """What Django does for an exception that leaves a view: the signal, and its own log."""
    got_request_exception.send(sender=None, request=django_request(request))
    log_response(
        "Internal Server Error: %s", request.path, response=response, request=django_request(request), exception=error
    )
