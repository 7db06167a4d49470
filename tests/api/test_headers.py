"""The headers of an answer, which are set at once."""

from __future__ import annotations

import pytest
from django.http import BadHeaderError, HttpResponse

from threadless.api.headers import RequestHeaders
from threadless.api.underlying import add_headers


def test_headers_are_found_in_any_case() -> None:
    response = HttpResponse()
    add_headers(response, {"x-plan": "large", "x-left": "3"}, {})
    assert (response["X-Plan"], response["X-Left"]) == ("large", "3")


def test_headers_of_a_request_are_found_in_any_case_and_can_be_listed() -> None:
    headers = RequestHeaders({"HTTP_X_PLAN": "large", "CONTENT_TYPE": "application/json", "wsgi.input": object()})
    assert (headers["x-plan"], headers["X-PLAN"], headers.get("wsgi.input")) == ("large", "large", None)
    assert dict(headers) == {"X-Plan": "large", "Content-Type": "application/json"}
    assert len(headers) == 2


def test_default_replaces_no_header() -> None:
    response = HttpResponse(headers={"cache-control": "no-transform"})
    add_headers(response, {}, {"Cache-Control": "no-store", "Vary": "Cookie"})
    assert (response["Cache-Control"], response["Vary"]) == ("no-transform", "Cookie")


@pytest.mark.parametrize("headers", [{"x-plan": "large\r\nSet-Cookie: a=b"}, {"x-plan\n": "large"}])
def test_header_with_a_line_end_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        add_headers(HttpResponse(), headers, {})


def test_header_with_other_letters_is_encoded_as_django_does() -> None:
    response = HttpResponse()
    add_headers(response, {"x-plan": "大"}, {})
    assert response["x-plan"] == "=?utf-8?b?5aSn?="
