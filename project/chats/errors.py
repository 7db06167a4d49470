"""The error format of the platform's own API, for all its DRF views."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


class AssistantUnavailable(APIException):
    """The chat's assistant cannot answer."""

    status_code = 502
    default_code = "assistant_unavailable"


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer every error as `{"problems": [{"field", "code", "message"}]}`."""
    response = exception_handler(error, context)
    if response is not None:
        details = error.get_full_details() if isinstance(error, APIException) else {"message": "Not found."}
        response.data = {"problems": list(_problems(details, None))}
    return response


def _problems(details: Any, field: str | None) -> Any:
    if isinstance(details, list):
        for detail in details:
            yield from _problems(detail, field)
    elif "message" in details and not isinstance(details["message"], (dict, list)):
        yield {"field": field, "code": details.get("code", "not_found"), "message": str(details["message"])}
    else:
        for name, detail in details.items():
            yield from _problems(detail, name)
