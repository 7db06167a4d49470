"""Headers with which an upstream or its cache allows caching. Our answers are for one caller and never cached."""

from __future__ import annotations

from typing import Any

from tests.wire.cases import sources as at
from tests.wire.cases.case import Case, Expected, json_bytes
from tests.wire.cases.usual import usual

_ERROR = json_bytes({"error": {"message": "Input is too long", "type": "invalid_request_error"}})


def _cached(name: str, source: str, **headers: str) -> Case:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return usual("cache", name, source, headers=given, expected={"hidden": tuple(given.values())})


def _failed(name: str, source: str, status: int, **expected: Any) -> Case:
    headers = {"Cache-Control": "public, max-age=7777"}
    case = Expected(state="failed", hidden=("7777",), **expected)
    body = _ERROR
    return Case(
        kind="cache", name=name, source=source, answer=body, stream=body, status=status, headers=headers, expected=case
    )


CACHING = [
    _cached("public", at.CACHE_CONTROL, Cache_Control="public, max-age=3600", Expires="Thu, 01 Jan 2099 00:00:00 GMT"),
    _cached("validators", at.CACHE_VALIDATORS, ETag='"a1b2c3"', Last_Modified="Mon, 04 May 2026 03:02:01 GMT"),
    _cached("site-wide cache", at.DJANGO_CACHE, Cache_Control="max-age=600", Vary="Cookie, X-Upstream"),
    _cached("age of a hit", at.CLOUDFRONT, X_Cache="Hit from cloudfront", Age="86399", Via="1.1 abc.cloudfront.net"),
    _cached("AI gateway", at.CLOUDFLARE_CACHE, cf_aig_cache_status="HIT", cf_cache_status="DYNAMIC"),
    _cached("key of a cache", at.LITELLM_CACHE, x_litellm_cache_key="586bf3f3c1bf5aecb55bd9996494d3bb"),
    _cached("status of a cache", at.PORTKEY_CACHE, x_portkey_cache_status="SEMANTIC HIT"),
    _cached("bucket of a cache", at.HELICONE, Helicone_Cache="HIT", Helicone_Cache_Bucket_Idx="bucket-0"),
    _cached("for the network alone", at.CDN_CACHE_CONTROL, CDN_Cache_Control="max-age=6000", Surrogate_Control="s=1"),
    _cached("any request", at.VARNISH, Vary="*", X_Varnish="32770 98305"),
    _cached("cookie", at.CLOUDFLARE_COOKIE, Set_Cookie="__cf_bm=YWJjZGVm; path=/; HttpOnly"),
    _failed("public refusal", at.CACHE_CONTROL, 400, message="too long"),
    _failed("public rate limit", at.CACHE_CONTROL, 429, code="rate_limit_exceeded"),
    _failed("public failure", at.CACHE_CONTROL, 500, code="upstream_error"),
]
