"""The headers of an answer, and of a request."""

from __future__ import annotations

import pytest
from django.http import BadHeaderError, HttpResponse

from threadless.api.headers import RequestHeaders, Stopwatch, set_headers


def response_with(limits: dict[str, str], **headers: str) -> HttpResponse:
    """A response with the headers of a gate and of the view."""
    response = HttpResponse(headers=headers)
    set_headers(response, "req_1", Stopwatch(), limits)
    return response


def test_headers_of_gates_are_found_in_any_case() -> None:
    response = response_with({"x-plan": "large", "x-left": "3"})
    assert (response["X-Plan"], response["X-Left"]) == ("large", "3")


def test_headers_of_a_request_are_found_in_any_case_and_can_be_listed() -> None:
    headers = RequestHeaders({"HTTP_X_PLAN": "large", "CONTENT_TYPE": "application/json", "wsgi.input": object()})
    assert (headers["x-plan"], headers["X-PLAN"], headers.get("wsgi.input")) == ("large", "large", None)
    assert dict(headers) == {"X-Plan": "large", "Content-Type": "application/json"}
    assert len(headers) == 2


def test_cache_control_of_the_view_stays() -> None:
    response = response_with({}, **{"cache-control": "no-transform"})
    assert (response["Cache-Control"], response["Vary"]) == ("no-transform", "Authorization, Cookie")


def test_vary_of_the_view_is_extended() -> None:
    assert response_with({}, Vary="Accept")["Vary"] == "Accept, Authorization, Cookie"


@pytest.mark.parametrize("limits", [{"x-plan": "large\r\nSet-Cookie: a=b"}, {"x-plan\n": "large"}])
def test_header_of_a_gate_with_a_line_end_is_refused(limits: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        response_with(limits)
