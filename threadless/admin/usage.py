"""The read-only admin of usage records. No page reads the whole table, which can have millions of rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.widgets import Media, Script
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from threadless.admin import usage_columns as cells
from threadless.admin import usage_filters as filters
from threadless.admin.targets import names_of, seen_by
from threadless.admin.usage_detail import sections_of
from threadless.admin.usage_export import ExportView
from threadless.admin.usage_list import CallList
from threadless.usage.models import UsageRecord


@admin.register(UsageRecord)
class UsageRecordAdmin(cells.CallColumns, ExportView, admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists usage records with caller, model, outcome, tokens and times."""

    list_display = ("opened", "caller", "asked", "outcome_cell", "tokens", "times")
    list_display_links = ("opened",)
    list_filter = (
        filters.RangeFilter, filters.KeyFilter, filters.UserFilter, filters.AccountFilter, filters.ErrorFilter,
        filters.StateFilter, filters.ModelFilter, filters.StreamFilter, filters.SourceFilter,
    )  # fmt: skip
    list_per_page = 50
    sortable_by = ()
    search_fields = ("request_id",)  # shows the search box; `CallList` searches
    search_help_text = _("Search by request ID, or by name of a key, user, account or model.")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("export_csv",)
    change_list_template = "threadless/admin/usage_list.html"
    change_form_template = "threadless/admin/usage_detail.html"

    class Media:
        css: ClassVar = {"all": ("threadless/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRecord]:
        # With the join, the user is None if it was deleted. A separate query would raise `DoesNotExist`.
        return super().get_queryset(request).select_related("user")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CallList]:
        return CallList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of one call."""
        record = self.get_object(request, unquote(object_id))
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request, record):
            raise PermissionDenied
        if record is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Call"),
            "original": record,
            "has_view_permission": True,
            "media": self.media + Media(js=[Script("threadless/copy.js", defer=True)]),  # type: ignore[list-item]
            "record": record,
            "model_name": names_of([record.model], seen_by(request))[record.model],
            "sections": sections_of(record, request, self.admin_site),
            "badge": cells.badge(record),
            "tokens": cells.tokens_of(record),
            "cost": cells.cost_of(record.cost_nano),
            "links": self._links(record),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.change_form_template, context)

    def _links(self, record: UsageRecord) -> list[SafeString]:
        """Lists of calls that have something in common with this one."""
        links = [self.narrowed(_("Calls of this model"), model=record.model)]
        if record.user_id is not None:
            links.insert(0, self.narrowed(_("Calls of this user"), user=record.user_id))
        if record.key_id:
            links.insert(0, self.narrowed(_("Calls with this key"), key_id=record.key_id))
        return links
