"""System checks of how a host includes our routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.urls import URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern

from threadless.conf import conf


class Inclusion(NamedTuple):
    """One place at which `threadless.urls` is included."""

    prefix: str
    """The patterns of all resolvers on the way, as the host wrote them."""
    has_language: bool
    """Whether it is below `i18n_patterns`."""


def check_routes() -> Iterator[CheckMessage]:
    """Check that our routes are included once, below a prefix that ends with a slash."""
    found = list(_inclusions(get_resolver().url_patterns))
    if not found:
        hint = 'Add path("api/v1/", include("threadless.urls")) to the urlpatterns of ROOT_URLCONF.'
        yield CheckWarning("threadless.urls is not included, so there is no endpoint.", hint=hint, id="threadless.W009")
    if len(found) > 1:
        places = " and ".join(repr(each.prefix) for each in found)
        hint = "Include them once. Links and pages use the last one."
        yield CheckWarning(f"threadless.urls is included at {places}.", hint=hint, id="threadless.W010")
    for each in found:
        yield from _check_inclusion(each)


def _inclusions(patterns: list[Any], prefix: str = "", *, has_language: bool = False) -> Iterator[Inclusion]:
    for each in patterns:
        if not isinstance(each, URLResolver):
            continue
        is_language = isinstance(each.pattern, LocalePrefixPattern)
        whole = prefix if is_language else prefix + str(each.pattern)
        if each.app_name == "threadless":
            yield Inclusion(whole, has_language)
        else:
            yield from _inclusions(each.url_patterns, whole, has_language=has_language or is_language)


def _check_inclusion(each: Inclusion) -> Iterator[CheckMessage]:
    if each.has_language:
        text = f"threadless.urls is included below i18n_patterns, at {each.prefix!r} after the language."
        hint = "Include them outside of i18n_patterns. A redirect to a language would lose the body of a POST."
        yield CheckWarning(text, hint=hint, id="threadless.W007")
    if each.prefix.strip("^") and not each.prefix.endswith(("/", "/?")):
        text = f"threadless.urls is included at {each.prefix!r}, so the path is {each.prefix + 'chat/completions'!r}."
        yield Error(text, hint=f"End the prefix with a slash: {each.prefix + '/'!r}.", id="threadless.E012")
    if not each.prefix.strip("^") and not each.has_language and conf.unknown_paths == "refuse":
        text = "threadless.urls is included without a prefix, so every route after it answers with a 404."
        hint = "Include them below a prefix, such as 'api/v1/', or set THREADLESS['UNKNOWN_PATHS'] to 'ignore'."
        yield CheckWarning(text, hint=hint, id="threadless.W005")
