"""Links from the page of a key to what installed apps know about it, such as its budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from threadless.extensions import additions


class KeyLink(NamedTuple):
    """A link on the page of a key."""

    label: Any
    url: str


LinkOfKey = Callable[[HttpRequest, Any, str], KeyLink | None]
"""What an `AppConfig` lists under `threadless_key_links`: it takes the request, the key, and the name of the admin
site. None if there is nothing to see, or if the reader may not see it."""


def links_of(request: HttpRequest, key: Any, site: str) -> list[KeyLink]:
    """The links of all installed apps."""
    return list(_links(request, key, site))


def _links(request: HttpRequest, key: Any, site: str) -> Iterator[KeyLink]:
    for make in additions("threadless_key_links"):
        link = make(request, key, site)
        if link is not None:
            yield link


def list_link(label: Any, site: str, route: str, query: Mapping[str, Any]) -> KeyLink | None:
    """A link to a list of this admin site, such as "threadless_budgets_budget_changelist"; None without the list."""
    try:
        return KeyLink(label, f"{reverse(f'{site}:{route}')}?{urlencode(query)}")
    except NoReverseMatch:
        return None
