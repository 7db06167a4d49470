"""The link from the page of a key to its budgets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from threadless.admin.key_links import KeyLink, list_link
from threadless.budgets.models import SubjectKind


def budgets_of_key(request: HttpRequest, key: Any, site: str) -> KeyLink | None:
    """To the list of the key's budgets, also while it is empty: budgets are added there."""
    if not request.user.has_perm("threadless_budgets.view_budget"):
        return None
    query = {"subject_kind__exact": SubjectKind.KEY.value, "subject_id": key.pk}
    return list_link(_("Budgets"), site, "threadless_budgets_budget_changelist", query)
