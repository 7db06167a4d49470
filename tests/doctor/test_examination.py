"""What the doctor finds without an address: each finding says what, why, and how to fix it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse, HttpResponseRedirect
from django.utils import timezone

from tests.support import factories
from threadless.doctor import examination, storage
from threadless.doctor.examination import examine
from threadless.doctor.finding import Finding
from threadless.models import APIKey, UsageRecord

pytestmark = pytest.mark.django_db

DEFAULT = ["cache: THROTTLE_CACHE 'default' belongs to one process.", "database: Database 'default' is SQLite."]


class BodyLog:
    """Logs each request."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        self.last = request.body
        return self.get_response(request)


def kept(request: Any) -> bytes:
    """The body, for a class that does not read it itself."""
    return bytes(request.body)


class Recorder(BodyLog):
    """Has a function that reads each request."""

    def __call__(self, request: Any) -> Any:
        self.last = kept(request)
        return self.get_response(request)


def recorder(get_response: Any) -> Any:
    """The same as a function."""

    def middleware(request: Any) -> Any:
        kept(request)
        return get_response(request)

    return middleware


class Collector(BodyLog):
    """Collects each response."""

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if response.streaming:
            return HttpResponse(b"".join(response.streaming_content))
        return response


class Measure(BodyLog):
    """Measures each response."""

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        response["X-Size"] = str(len(response.content))
        return response


class LoginWall(BodyLog):
    """Sends everybody to a page."""

    def __call__(self, request: Any) -> Any:
        return self.get_response(request) if request.user.is_authenticated else HttpResponseRedirect("/login/")


def findings(subject: str) -> list[Finding]:
    """The findings about one part."""
    return [finding for finding in examine() if finding.subject == subject]


@pytest.fixture
def with_middleware(settings: Any) -> Any:
    """Adds one of the classes above to the middleware."""

    def add(kind: Any) -> None:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{kind.__name__}"]

    return add


@pytest.mark.database("sqlite")
def test_plain_installation_has_two_warnings() -> None:
    assert [f"{finding.subject}: {finding.what}" for finding in examine()] == DEFAULT


@pytest.mark.parametrize(
    ("kind", "level", "what"),
    [
        (BodyLog, "warning", "reads the body of requests."),
        (Recorder, "warning", "reads the body of requests."),
        (recorder, "warning", "reads the body of requests."),
        (Collector, "error", "collects the whole content of streams."),
        (Measure, "warning", "reads response.content without asking whether the response is a stream."),
    ],
)
def test_middleware_that_harms_calls_is_found(with_middleware: Any, kind: Any, level: str, what: str) -> None:
    with_middleware(kind)
    [finding] = findings("middleware")
    assert (finding.level, finding.what) == (level, f"{__name__}.{kind.__name__} {what}")
    assert finding.why
    assert finding.fix


def test_login_wall_before_our_view_is_an_error(with_middleware: Any) -> None:
    with_middleware(LoginWall)
    [finding] = findings("middleware")
    assert finding.level == "error"
    assert finding.what == "A call without a key is answered with a 302 to /login/ instead of our 401."


@pytest.mark.parametrize("hosts", [["api.example.com"], [".example.com"], ["*"]])
@pytest.mark.parametrize("header", [None, ("HTTP_X_FORWARDED_PROTO", "https")])
def test_allowed_host_is_asked_over_tls(settings: Any, hosts: list[str], header: Any) -> None:
    settings.ALLOWED_HOSTS = hosts
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = header
    assert findings("middleware") == []


def test_secure_cookies_without_a_proxy_header_are_found(settings: Any) -> None:
    settings.CSRF_COOKIE_SECURE = True
    [finding] = findings("proxy")
    assert finding.what == "CSRF_COOKIE_SECURE set, but SECURE_PROXY_SSL_HEADER is not."
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert findings("proxy") == []


def test_cache_that_keeps_nothing_is_an_error(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.support.broken_cache.BrokenCache"}}
    [finding] = findings("cache")
    assert finding.level == "error"
    assert finding.what.startswith("THROTTLE_CACHE 'default' does not keep values (")


class Replica:
    """A router that reads from a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"


def test_replica_for_keys_is_found(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Replica()]
    whats = [finding.what for finding in storage.check_database()]
    assert "threadless.APIKey is read from 'replica' and written to 'default'." in whats


def test_overdue_rows_are_found() -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    UsageRecord.objects.create(opened_at=long_ago, deadline=long_ago, request_id="a", model="small", is_stream=False)
    [finding] = findings("sweep")
    assert finding.what == "Usage records that are open ten minutes after their deadline: 1."
    assert "threadless_sweep" in finding.fix


def age(**fields: Any) -> str:
    """A key with these columns; its name and primary key as the doctor shows them."""
    key, _ = factories.make_key(name="old")
    APIKey.objects.filter(pk=key.pk).update(**fields)
    return f"'old' ({key.pk})"


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"expires_at": timezone.now() - timedelta(days=1)}, "have expired"),
        ({"created_at": timezone.now() - timedelta(days=31)}, "were never used within 30 days"),
        ({"scopes": []}, "have no scope"),
    ],
)
def test_key_that_nobody_needs_is_found(fields: dict[str, Any], what: str) -> None:
    shown = age(**fields)
    assert [finding.what for finding in findings("keys")] == [f"Keys that {what}: {shown}."]


def test_key_of_a_superuser_is_found() -> None:
    key, _ = factories.make_key(user=factories.make_user("root", is_superuser=True))
    [finding] = findings("keys")
    assert finding.what == f"Keys that belong to superusers: {key.name!r} ({key.pk})."


def test_check_that_fails_is_a_finding_and_the_others_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_tea() -> Iterator[Finding]:
        raise LookupError("secret")

    monkeypatch.setattr(examination, "CHECKS", (check_tea, *examination.CHECKS))
    first, *rest = examine()
    assert first.what == "check_tea could not run (LookupError)."
    assert rest


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and output of the command."""
    output = io.StringIO()
    try:
        call_command("threadless_doctor", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_command_prints_what_why_and_fix(settings: Any) -> None:
    settings.CSRF_COOKIE_SECURE = True
    status, text = run()
    assert status == 0
    assert "warning proxy: CSRF_COOKIE_SECURE set" in text
    assert "\n        why: " in text
    assert "\n        fix: " in text
    assert text.splitlines()[-1].startswith("Errors: 0, warnings: ")


def test_command_ends_with_status_1_if_there_is_an_error(with_middleware: Any) -> None:
    with_middleware(LoginWall)
    assert run()[0] == 1


def test_command_prints_json(with_middleware: Any) -> None:
    with_middleware(BodyLog)
    found = json.loads(run("--json")[1])
    assert {"subject", "level", "what", "why", "fix"} == set(found[0])
