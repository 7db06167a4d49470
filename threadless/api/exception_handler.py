"""Answers every failure that reaches our views in the error format of their dialect."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.log import log_response
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from threadless.api.sign_in import SignInFirst, login_redirect
from threadless.api.underlying import django_request, mark_logged
from threadless.db.errors import is_unavailable
from threadless.db.pools import check_idle_connections
from threadless.exceptions import (
    NO_RETRY,
    APIError,
    Cancelled,
    DatabaseUnavailable,
    InternalError,
    InvalidIntegration,
    RateLimited,
    retry_headers,
)
from threadless.usage.base import CLIENT_LEFT

logger = logging.getLogger("django.request")
"""Django's logger, which hosts have configured. By default it mails errors to `ADMINS`."""

_BY_STATUS: Final = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "not_found"),
    405: ("invalid_request_error", "method_not_allowed"),
    409: ("invalid_request_error", "conflict"),
    413: ("invalid_request_error", "request_too_large"),
    415: ("invalid_request_error", "unsupported_media_type"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
"""Type and code for exceptions of DRF, Django and the host's own classes, by their HTTP status."""


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """The exception handler of our views. Unexpected exceptions are also reported as Django would report them."""
    set_rollback()
    view, request = context["view"], django_request(context["request"])
    if isinstance(error, SignInFirst):
        return login_redirect(request)
    if isinstance(error, Cancelled):
        response = HttpResponse(status=CLIENT_LEFT, reason="Client Closed Request")  # the client has gone
        _log(logging.DEBUG, "The client of request %s has left.", [view.request_id], response, request)
        return response
    failure = api_error(error)
    headers = dict(failure.headers)
    if failure.status_code == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    response = Response(view.error_body(failure), status=failure.status_code, headers=headers)
    _report(failure, error, view.request_id, request, response)
    return response


def _report(failure: APIError, error: Exception, request_id: str, request: HttpRequest, response: HttpResponse) -> None:
    """Write one log record, which replaces Django's. For unexpected exceptions also send Django's signal."""
    level = logging.ERROR if failure.status_code >= 500 else logging.WARNING if failure.log_detail else logging.DEBUG
    cause = (failure.__cause__ or error) if isinstance(failure, InternalError) else None
    if cause is not None:
        got_request_exception.send(sender=None, request=request)
    if isinstance(cause, InvalidIntegration):
        cause = None  # its message, which is logged, says it all
    values = (request_id, request.path, failure.status_code, failure.code, failure.log_detail or failure.message)
    _log(level, "Request %s to %s failed with status %d (%s): %s", values, response, request, cause)


def _log(
    level: int,
    message: str,
    values: Sequence[Any],
    response: HttpResponse,
    request: HttpRequest,
    cause: BaseException | None = None,
) -> None:
    name = logging.getLevelName(level).lower()
    log_response(message, *values, response=response, request=request, logger=logger, level=name, exception=cause)
    mark_logged(response)


def api_error(error: BaseException) -> APIError:
    """The error that the client receives for an exception."""
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
    if is_unavailable(error):
        return _database_unavailable(error)
    return InternalError(error)


def _database_unavailable(error: BaseException) -> APIError:
    check_idle_connections()
    failure = DatabaseUnavailable()
    failure.log_detail = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return failure


def _from_drf(error: drf.APIException) -> APIError:
    if error.status_code >= 500:
        return InternalError()
    message = error.detail if isinstance(error.detail, str) else "The request is not valid."
    failure = _of_status(error.status_code, str(message))
    wait = getattr(error, "wait", None)
    if wait is not None or failure.status_code == RateLimited.status_code:
        failure.headers |= retry_headers(1 if wait is None else wait)
    return failure


def _of_status(status: int, message: str) -> APIError:
    kind, code = _BY_STATUS.get(status, _BY_STATUS[400])
    failure = APIError(message, type=kind, code=code)
    failure.status_code = status
    if status == 409:  # the SDKs retry it, but a conflict stays
        failure.headers |= NO_RETRY
    return failure
