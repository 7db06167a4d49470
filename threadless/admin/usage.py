"""The read-only admin of usage records. No page reads the whole table, which can have millions of rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import formats
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import gettext_lazy as _

from threadless.conf import conf
from threadless.usage import export
from threadless.usage.models import UsageRecord

COUNT_LIMIT = 10_000
"""The number of rows that a list counts, shows and exports at most. Filters make the others visible."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Stops counting at `COUNT_LIMIT`."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNT_LIMIT].count())

    @property
    def is_cut(self) -> bool:
        """Return whether there may be more rows than the pages show."""
        return self.count == COUNT_LIMIT


class ModelFilter(admin.SimpleListFilter):
    """Offers the models in the settings. Querying the table for distinct names would read all of it."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in conf.models]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model=self.value()) if self.value() else queryset


@admin.register(UsageRecord)
class UsageRecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists usage records with caller, model, outcome, tokens and times."""

    list_display = (
        "request", "opened", "key_name", "username", "asked", "outcome", "status_code", "tokens", "first_token",
        "duration", "streamed",
    )  # fmt: skip
    list_display_links = ("request",)
    list_filter = ("state", ModelFilter, "is_stream", "usage_source", "opened_at")
    list_per_page = 50
    sortable_by = ("opened",)
    search_fields = ("request_id__exact", "key_label__startswith", "model__exact")
    search_help_text = _("Search by request ID, model, or beginning of the key's name.")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = ("export_csv",)
    change_list_template = "threadless/admin/usage_list.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("request_id", "client_request_id"),
                    ("opened_at", "settled_at"),
                    ("outcome", "status_code"),
                    ("error_code", "finish_reason"),
                )
            },
        ),
        (_("Caller"), {"fields": ("username", "account", ("key_label", "key_id"))}),
        (
            _("Target"),
            {
                "fields": (
                    ("model", "target_kind"),
                    ("target_model", "backend"),
                    "upstream_model",
                    ("operation", "is_stream"),
                )
            },
        ),
        (
            _("Tokens"),
            {
                "fields": (
                    ("prompt_tokens", "cached_tokens"),
                    ("completion_tokens", "reasoning_tokens"),
                    ("usage_source", "tool_calls"),
                    "cost_nano",
                )
            },
        ),
        (_("Times"), {"fields": (("first_token", "duration"), "deadline")}),
        (_("Internals"), {"fields": ("worker", "hook_state"), "classes": ("collapse",)}),
    )
    readonly_fields = ("outcome", "status_code", "username", "first_token", "duration")

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
        """Look up the term as a request ID, which has an index. Search other columns only if no row has it."""
        by_request_id = queryset.filter(request_id=search_term.strip())
        if search_term and by_request_id.exists():
            return by_request_id, False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("request ID"))
    def request(self, record: UsageRecord) -> SafeString:
        return format_html('<code title="{}">{}</code>', record.request_id, _shortened(record.request_id))

    @admin.display(description=_("when"), ordering="opened_at")
    def opened(self, record: UsageRecord) -> SafeString:
        local: Any = template_localtime(record.opened_at)
        text = f"{local:%m-%d %H:%M:%S}"
        return format_html('<span class="threadless-number" title="{}">{}</span>', formats.localize(local), text)

    @admin.display(description=_("key"))
    def key_name(self, record: UsageRecord) -> str:
        return record.key_label or record.key_id or str(_("(session)"))

    @admin.display(description=_("user"))
    def username(self, record: UsageRecord) -> str:
        if record.user is not None:
            return str(record.user.get_username())
        return "–" if record.user_id is None else f"#{record.user_id}"

    @admin.display(description=_("model"))
    def asked(self, record: UsageRecord) -> str:
        return record.model

    @admin.display(description=_("state"))
    def outcome(self, record: UsageRecord) -> SafeString:
        label = record.get_state_display()
        return format_html('<span class="threadless-badge threadless-{}">{}</span>', record.state, label)

    @admin.display(description=_("status"))
    def status_code(self, record: UsageRecord) -> SafeString | str:
        if record.http_status is None:
            return "–"
        return format_html('<span title="{}">{}</span>', record.error_code, record.http_status)

    @admin.display(description=_("tokens"))
    def tokens(self, record: UsageRecord) -> SafeString | str:
        if record.prompt_tokens is None:
            return "–"
        is_estimated = record.usage_source == UsageRecord.Source.ESTIMATED
        text = f"{'≈ ' if is_estimated else ''}{record.prompt_tokens:,} / {record.completion_tokens or 0:,}"
        return format_html('<span class="threadless-number">{}</span>', text)

    @admin.display(description=_("first token"))
    def first_token(self, record: UsageRecord) -> SafeString:
        return _seconds(record.first_token_ms)

    @admin.display(description=_("duration"))
    def duration(self, record: UsageRecord) -> SafeString:
        return _seconds(record.duration_ms)

    @admin.display(description=_("stream"))
    def streamed(self, record: UsageRecord) -> str:
        # The admin shows False as a red cross, which would look like a failure.
        return str(_("yes")) if record.is_stream else "–"

    @admin.action(description=_("Export selected rows as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> HttpResponse:
        """Stream the selected rows as CSV, at most `COUNT_LIMIT`."""
        rows = queryset.select_related(None)[:COUNT_LIMIT].values_list(*export.COLUMNS).iterator(chunk_size=2000)
        headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        return StreamingHttpResponse(export.csv_lines(rows), content_type="text/csv; charset=utf-8", headers=headers)  # type: ignore[return-value]


def _shortened(request_id: str) -> str:
    return request_id if len(request_id) <= 12 else f"{request_id[:11]}…"


def _seconds(milliseconds: int | None) -> SafeString:
    text = "–" if milliseconds is None else f"{milliseconds / 1000:.2f} s"
    return format_html('<span class="threadless-number">{}</span>', text)
