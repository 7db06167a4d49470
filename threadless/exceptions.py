"""The errors that threadless raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from inspect import iscoroutine
from traceback import clear_frames
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured


def retry_headers(seconds: float) -> dict[str, str]:
    """`Retry-After` in whole seconds, rounded up, and the exact time as `retry-after-ms`, which the SDKs read."""
    return {"Retry-After": str(max(math.ceil(seconds), 1)), "retry-after-ms": str(max(round(seconds * 1000), 0))}


NO_RETRY: Final = {"x-should-retry": "false"}
"""The header that keeps the SDKs from retrying an error that will not go away. They read no other sign of that."""


def clear_locals(error: BaseException | None) -> None:
    """Clear the local variables of the frames that the error has left: error reports show them, with the request."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def forget_frames(error: BaseException) -> None:
    """Drop the frames that the error went through. They hold the request, and would keep its memory."""
    error.__traceback__ = error.__cause__ = error.__context__ = None


class InvalidIntegration(ImproperlyConfigured):
    """Something that the host has configured does not work. The log shows the message, and no traceback."""


class InvalidBackend(InvalidIntegration):
    """A configured backend cannot be created. The message names the setting and the alias."""


class WrongType(InvalidIntegration):
    """A method or function of the host returned a value of the wrong type. The message does not show the value."""

    def __init__(self, source: Any, method: str, expected: str, value: object) -> None:
        owner = source if isinstance(source, type) else type(source)
        name = f"{owner.__module__}.{owner.__qualname__}.{method}()"
        if iscoroutine(value):
            value.close()  # Python warns of a coroutine that is never awaited
        super().__init__(f"{name} must return {expected}, not a value of type '{type(value).__name__}'.")


class APIError(Exception):
    """An error that the client receives, in the error format of the endpoint.

    `status_code` is the HTTP status, `type`, `code` and `param` are the fields of the body, `headers` go on the
    response. The message must hold no secret, no upstream address and no message text.
    """

    status_code = 500
    type = "server_error"
    code: str | None = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.code
        self.type = type or self.type
        self.headers = dict(headers or {})
        self.details: dict[str, Any] = {}
        """Further fields of the error body, such as Azure's `innererror`. Must not contain secrets."""
        self.log_detail = ""
        """Replaces the message in the log, where it may be more specific. Must not contain secrets or message text."""


class InternalError(APIError):
    """An unexpected failure of this platform. The client does not learn the cause (500)."""

    def __init__(self, cause: BaseException | None = None) -> None:
        # A wrong configuration is still wrong when the client tries again.
        headers = NO_RETRY if isinstance(cause, ImproperlyConfigured) else None
        super().__init__("The server had an error while processing your request.", headers=headers)
        if isinstance(cause, InvalidIntegration):
            self.log_detail = str(cause)


class InvalidRequest(APIError):
    """The request is invalid (400)."""

    status_code = 400
    type = "invalid_request_error"
    code = "invalid_value"


class NotAuthenticated(APIError):
    """The key is missing, unknown, expired or revoked, or its user is inactive (401)."""

    status_code = 401
    type = "authentication_error"
    code = "invalid_api_key"


class InsufficientScope(APIError):
    """The caller lacks a scope (403)."""

    status_code = 403
    type = "permission_error"
    code = "insufficient_scope"


class ModelNotFound(APIError):
    """The model or agent does not exist, or the caller may not see it: the same answer for both (404)."""

    status_code = 404
    type = "invalid_request_error"
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"The model '{name}' does not exist or you do not have access to it.", param="model")


class UnknownPath(APIError):
    """There is no endpoint at this path below our prefix (404)."""

    status_code = 404
    type = "invalid_request_error"
    code = "not_found"


class RequestTimeout(APIError):
    """The upload took too long. SDKs retry (408)."""

    status_code = 408
    type = "invalid_request_error"
    code = "request_timeout"


class RequestTooLarge(APIError):
    """The body is larger than the limit (413)."""

    status_code = 413
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedMediaType(APIError):
    """The body is not uncompressed JSON (415)."""

    status_code = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"


class RateLimited(APIError):
    """Too many requests, tokens or concurrent calls. The client may retry (429)."""

    status_code = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class InsufficientQuota(APIError):
    """A quota is used up. SDKs do not retry, because of `x-should-retry: false` (429)."""

    status_code = 429
    type = "insufficient_quota"
    code = "insufficient_quota"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers=NO_RETRY)


class UpstreamError(APIError):
    """The upstream failed or sent an invalid answer (502)."""

    status_code = 502
    code = "upstream_error"

    def __init__(self, message: str = "The model failed to answer.", *, headers: Mapping[str, str] | None = None):
        super().__init__(message, headers=headers)


class UpstreamUnavailable(UpstreamError):
    """The upstream cannot be reached or is overloaded (503)."""

    status_code = 503
    code = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    """The upstream was silent for too long, or the call exceeded its time limit (504)."""

    status_code = 504
    code = "upstream_timeout"


class Overloaded(APIError):
    """This platform cannot take the call now. The client may retry (503)."""

    status_code = 503
    code = "overloaded"

    def __init__(
        self, message: str = "The server is overloaded. Please try again later.", *, seconds: float = 1
    ) -> None:
        super().__init__(message, headers=retry_headers(seconds))


class ReadOnly(APIError):
    """The platform takes no calls for now (`READ_ONLY`). The client may retry (503)."""

    status_code = 503
    code = "read_only"

    def __init__(self, seconds: float = 30) -> None:
        message = "The server is under maintenance and takes no calls for now. Please try again later."
        super().__init__(message, headers=retry_headers(seconds))


class DatabaseUnavailable(APIError):
    """The host's database is unavailable. The client may retry (503)."""

    status_code = 503
    code = "database_unavailable"

    def __init__(self) -> None:
        super().__init__("The server cannot reach its database. Please try again.", headers=retry_headers(1))


class Cancelled(Exception):
    """The call was cancelled because its client has gone. No client receives it."""
