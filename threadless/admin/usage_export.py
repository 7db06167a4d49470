"""The export of the admin: all records that a list of calls would show, as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from threadless.usage.days import day_of
from threadless.usage.export import FORMATS, file_name, rows_of

EXPORT: Final = "threadless_usagerecord_export"
"""Name of the route. Its argument is the ending of the file; its query string is that of the list."""
_LINES: Final = 500
"""Lines per piece of the response."""


class ExportView:
    """A mixin for the admin of usage records."""

    def get_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/<str:ending>/", view, name=EXPORT), *super().get_urls()]  # type: ignore[misc]

    def export_view(self: Any, request: HttpRequest, ending: str) -> HttpResponseBase:
        """Stream the records that match the query string, without a limit."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if ending not in FORMATS:
            raise Http404
        try:
            records = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseBadRequest("A filter in the address is invalid.", content_type="text/plain")
        return _response(request, records, ending)

    @admin.action(description=_("Export selected rows as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Stream the selected rows, or all rows of the list if all are selected."""
        return _response(request, queryset, "csv")  # type: ignore[return-value]


def _response(request: HttpRequest, records: QuerySet[Any], ending: str) -> StreamingHttpResponse:
    lines, content_type = FORMATS[ending]
    pieces = _pieces(lines(rows_of(records)))
    return StreamingHttpResponse(
        _awaited(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name(_filters(request), ending)}"'},
    )


def _filters(request: HttpRequest) -> Iterator[str]:
    """The parts of the file's name: days first, then the other filters."""
    filters = {name: str(value) for name, value in request.GET.items() if name not in ("p", "o", "older", "newer")}
    for name in ("opened_at__gte", "since", "opened_at__lt", "until"):
        if value := filters.pop(name, ""):
            yield _last_day(value) if name == "opened_at__lt" else value[:10]
    yield from (f"{name.removesuffix('__exact')}-{value}" for name, value in filters.items())


def _last_day(end: str) -> str:
    """The last day before this time."""
    try:
        moment = parse_datetime(end)
    except ValueError:
        moment = None
    return end[:10] if moment is None else day_of(moment - timedelta(microseconds=1)).isoformat()


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    iterator = iter(lines)
    while piece := "".join(islice(iterator, _LINES)):
        yield piece


async def _awaited(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The same for ASGI. Each piece is read in the thread of the request's database connections."""
    read = sync_to_async(lambda: next(pieces, ""))
    while piece := await read():
        yield piece
