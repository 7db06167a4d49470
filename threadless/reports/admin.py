"""The report in the admin: sums of the ledger, with links to the calls behind each figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from threadless.admin.moments import moment
from threadless.admin.usage_export import EXPORT
from threadless.conf import conf
from threadless.reports.models import UsageDay
from threadless.reports.page.budgets import budget_lines
from threadless.reports.page.formats import count_text
from threadless.reports.page.health import health
from threadless.reports.page.report import Report
from threadless.reports.page.selection import FILTERS, GROUPS, MEASURES, RANGES, Selection, parse, period_of
from threadless.reports.page.table import COLUMNS, Line
from threadless.reports.queries import NotRolledUp, as_of
from threadless.reports.sums import NUMBERS
from threadless.usage.days import today
from threadless.usage.export import csv_lines, file_name
from threadless.usage.models import UsageRecord


@admin.register(UsageDay)
class ReportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The list of `UsageDay` is the report. Who may see the calls may see their sums."""

    class Media:
        css: ClassVar = {"all": ("threadless/admin.css", "threadless_reports/report.css")}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("threadless.view_usagerecord")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("", site.admin_view(self.report_view), name="threadless_reports_usageday_changelist"),
            path("csv/", site.admin_view(self.csv_view), name="threadless_reports_csv"),
        ]

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """The page. Its address says everything that it shows."""
        report = self._report(request)
        if isinstance(report, HttpResponse):
            return report
        context = {
            **self.admin_site.each_context(request),
            "title": _("Usage report"),
            "opts": self.opts,
            "media": self.media,
            **_choices(report.selection),
            **_numbers(report),
            "budgets": budget_lines(report, request, self.admin_site.name),
            "zone": str(conf.billing_zone),
            "calls": reverse(f"{self.admin_site.name}:threadless_usagerecord_changelist"),
            "exports": reverse(f"{self.admin_site.name}:{EXPORT}", args=["csv"]),
            "csv": f"csv/{report.selection.query()}",
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "threadless_reports/report.html", context)

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """All lines of the table as a file, with exact numbers."""
        report = self._report(request)
        if isinstance(report, HttpResponse):
            return report
        selection = report.selection
        days = (selection.period.first.isoformat(), selection.period.last.isoformat())
        filters = (f"{name}-{value}" for name, value in selection.filters.items())
        name = file_name((*days, f"by-{selection.by}", *filters), "csv")
        try:
            lines = report.all_lines()
        except NotRolledUp as error:
            return HttpResponse(str(error), status=503, content_type="text/plain")
        columns = (report.column, "name", *NUMBERS, "first_token_p50_ms", "first_token_p95_ms")
        return StreamingHttpResponse(  # type: ignore[return-value]
            csv_lines(_csv_rows(lines), columns),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _report(self, request: HttpRequest) -> Report | HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            selection = parse(request.GET, today())
        except (ValueError, OverflowError):
            return HttpResponseBadRequest("The range or a filter in the address is invalid.", content_type="text/plain")
        return Report(selection, request, router.db_for_read(UsageRecord))


def _csv_rows(lines: list[Line]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        sums = line.sums
        numbers = (getattr(sums, name) for name in NUMBERS)
        yield line.value, line.name, *numbers, sums.first_token_ms(0.5), sums.first_token_ms(0.95)


def _numbers(report: Report) -> dict[str, Any]:
    """What the page shows of the sums; only a note if too many days have none."""
    selection = report.selection
    try:
        lines = report.lines()
    except NotRolledUp as error:
        return {"missing_days": error.days}
    return {
        "tiles": report.tiles(),
        "chart": report.chart() if lines else None,
        "lines": lines,
        "total": report.total_line(),
        "failures": report.failures(),
        "latencies": report.latencies(),
        **_health(),
        "as_of": moment(as_of(selection.period)),
        "chips": [
            {"name": FILTERS[name], "value": value, "link": selection.without(name)}
            for name, value in report.names_of_filters().items()
        ],
        "count": count_text(report.total.calls),
        "calls_query": report.calls_query(),
    }


def _health() -> dict[str, Any]:
    found = health(router.db_for_read(UsageRecord))
    overdue = {"state": UsageRecord.State.OPEN.value, "deadline__lt": found.now.isoformat()}
    summed_at = moment(found.summed_at) if found.summed_at else ""
    return {"health": found, "overdue_query": f"?{urlencode(overdue)}", "summed_at": summed_at}


def _choices(selection: Selection) -> dict[str, Any]:
    """The links that change one part of the selection."""
    ranges = [
        _choice(label, selection.query(range=name, period=period_of(name, today())), name == selection.range)
        for name, label in RANGES.items()
    ]
    groups = [_choice(label, selection.grouped(by), by == selection.by) for by, (_, label) in GROUPS.items()]
    measures = [
        _choice(label, selection.query(measure=name), name == selection.measure) for name, label in MEASURES.items()
    ]
    heads = [_head(name, label, selection) for name, label in COLUMNS.items()]
    return {
        "selection": selection,
        "ranges": ranges,
        "groups": groups,
        "measures": measures,
        "heads": [_head("name", GROUPS[selection.by][1], selection), *heads],
        "hidden": {"by": selection.by, "measure": selection.measure, "sort": selection.sort, **selection.filters},
    }


def _choice(label: Any, link: str, is_selected: bool) -> dict[str, Any]:
    return {"label": label, "link": link, "is_selected": is_selected}


def _head(name: str, label: Any, selection: Selection) -> dict[str, Any]:
    """The heading of a column: a link that sorts by it, first in the usual direction, then in the other one."""
    usual = name if name == "name" else f"-{name}"
    other = usual.removeprefix("-") if usual.startswith("-") else f"-{usual}"
    direction = {f"-{name}": "descending", name: "ascending"}.get(selection.sort, "")
    link = selection.query(sort=other if selection.sort == usual else usual)
    return {"label": label, "link": link, "direction": direction}
