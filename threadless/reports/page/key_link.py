"""The link from the page of a key to its report."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from threadless.admin.key_links import KeyLink, list_link


def report_of_key(request: HttpRequest, key: Any, site: str) -> KeyLink | None:
    """To the report of the key's calls in the last 30 days."""
    if not request.user.has_perm("threadless.view_usagerecord"):
        return None
    return list_link(_("Report"), site, "threadless_reports_usageday_changelist", {"key_id": key.pk})
