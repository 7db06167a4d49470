"""The list of calls: pages by position instead of number, so that every row is within reach and nothing is counted."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext

from threadless.admin.moments import moment
from threadless.admin.targets import names_of
from threadless.admin.usage_filters import ModelFilter, RangeFilter, any_of
from threadless.admin.usage_search import find
from threadless.usage.search import INDEXED, Page, Position, Search

OLDER: Final = "older"
NEWER: Final = "newer"
_TIME: Final = "opened_at__"
"""Addresses may also hold Django's own parameters, such as `opened_at__gte`."""
_LEADS: Final = tuple(parameter for name in INDEXED for parameter in (name, f"{name}__exact"))


class CallList(ChangeList):
    """Django's list with our pages. The template shows `page` and the two links."""

    page: Page

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = gettext("Calls")

    def get_queryset(self, request: HttpRequest, *args: Any, **options: Any) -> QuerySet[Any]:
        """All rows that match, for the export."""
        self.positions = {name: self._take(name) for name in (OLDER, NEWER)}
        self.filtered: QuerySet[Any] = super().get_queryset(request, *args, **options)
        term = self.query.strip()
        self.found = find(term, self.root_queryset) if term else None
        return self.filtered.filter(any_of(self.found.leads), self.found.condition) if self.found else self.filtered

    def get_results(self, request: HttpRequest) -> None:
        search, size = self._search(request), self.list_per_page
        above, below = self.positions[NEWER], self.positions[OLDER]
        self.page = search.newer(size, above) if above else search.older(size, below)
        self.result_list = self.page.rows
        self._name_models()
        self.result_count = len(self.page.rows)
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True

    def _name_models(self) -> None:
        """Give each row the name of its model or agent, for people."""
        seen = next(iter(spec.seen for spec in self.filter_specs if isinstance(spec, ModelFilter)), [])
        names = names_of([row.model for row in self.page.rows], seen)
        for row in self.page.rows:
            row.model_name = names[row.model]  # type: ignore[attr-defined]

    @property
    def older_url(self) -> str:
        """Address of the page with older calls; empty if there is none."""
        return self._url(OLDER, self.page.older)

    @property
    def newer_url(self) -> str:
        """Address of the page with newer calls; empty if there is none."""
        return self._url(NEWER, self.page.newer)

    @property
    def first_url(self) -> str:
        """Address of the newest page."""
        return self.get_query_string()

    @property
    def unsearched_url(self) -> str:
        """Address of the list without the search."""
        return self.get_query_string(remove=["q"])

    @property
    def is_moved(self) -> bool:
        """Whether the page is another than the newest."""
        return any(self.positions.values())

    @property
    def examined_to(self) -> Any:
        """The time back to which this page has searched."""
        return moment(self.page.examined_to)

    def _url(self, name: str, position: Position | None) -> str:
        return self.get_query_string({name: str(position)}) if position else ""

    def _take(self, name: str) -> Position | None:
        """Remove the position from the parameters, because links to filters lead to the first page."""
        self.params.pop(name, None)
        values = self.filter_params.pop(name, None)
        try:
            return Position.parse(values[-1]) if values else None
        except ValueError as error:
            raise IncorrectLookupParameters from error

    def _search(self, request: HttpRequest) -> Search:
        """Separate the filters that have an index from those that have none."""
        others = {name for name in self.get_filters_params() if not _is_range(name)}
        if self.found:
            leads = self.found.leads
        else:
            lead = next((name for name in _LEADS if name in others), None)
            leads = [Q(**{lead: self.filter_params[lead][-1]}) if lead else Q()]
            others.discard(lead or "")
        matching = self.queryset if others or (self.found and self.found.condition) else None
        return Search(rows=self._in_range(request), leads=leads, matching=matching)

    def _in_range(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.root_queryset
        for name, values in self.get_filters_params().items():
            if name.startswith(_TIME):
                rows = rows.filter(**{name: values[-1]})
        dates = [spec for spec in self.filter_specs if isinstance(spec, RangeFilter)]
        for spec in dates:
            rows = spec.queryset(request, rows)
        return rows


def _is_range(name: str) -> bool:
    return name in RangeFilter.names or name.startswith(_TIME)
