"""Filters of the list of calls. None of them reads the whole ledger to find its choices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from threadless.admin.targets import names_of, seen_by
from threadless.keys.adapters import get_api_key_model
from threadless.usage.models import UsageRecord
from threadless.usage.search import models_in_use


class RangeFilter(admin.ListFilter):
    """Calls from one day to another, both included, in the current time zone. Without JavaScript."""

    title = _("date")
    template = "threadless/admin/range_filter.html"
    names: ClassVar = ("since", "until")

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.given = {name: params.pop(name)[-1] for name in self.names if name in params}
        self.since, self.until = (_day(self.given.get(name, "")) for name in self.names)

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.since:
            queryset = queryset.filter(opened_at__gte=_midnight(self.since))
        return queryset.filter(opened_at__lt=_midnight(self.until + timedelta(days=1))) if self.until else queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """One choice, which holds everything that the template shows."""
        today = timezone.localdate() if timezone.is_aware(timezone.now()) else date.today()
        others = {name: values for name, values in changelist.filter_params.items() if name not in self.names}
        yield {
            "others": [(name, value) for name, values in others.items() for value in values],
            "since": self.since,
            "until": self.until,
            "steps": list(self._steps(changelist, today)),
            "ranges": [self._link(changelist, *each) for each in _ranges(today)],
        }

    def _steps(self, changelist: Any, today: date) -> Iterator[dict[str, Any]]:
        """The range before this one and the range after it."""
        if self.since is None or self.until is None or self.until < self.since:
            return
        length = self.until - self.since + timedelta(days=1)
        yield self._link(changelist, _("Earlier"), self.since - length, self.until - length)
        if self.until < today:
            yield self._link(changelist, _("Later"), self.since + length, self.until + length)

    def _link(self, changelist: Any, label: Any, since: date | None, until: date | None) -> dict[str, Any]:
        days = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        text = "" if since is None or until is None else _span(since, until)
        is_selected = (since, until) == (self.since, self.until)
        return {"label": label, "url": changelist.get_query_string(days), "span": text, "is_selected": is_selected}


def _ranges(today: date) -> list[tuple[Any, date | None, date | None]]:
    yesterday = today - timedelta(days=1)
    return [
        (pgettext_lazy("range", "Any date"), None, None),
        (_("Today"), today, today),
        (_("Yesterday"), yesterday, yesterday),
        (_("Past 7 days"), today - timedelta(days=6), today),
        (pgettext_lazy("range", "This month"), today.replace(day=1), today),
    ]


def _span(since: date, until: date) -> str:
    texts = [date_format(day, "SHORT_DATE_FORMAT") for day in dict.fromkeys((since, until))]
    return " – ".join(texts)


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    """The beginning of the day, as the database stores times: aware unless `USE_TZ` is off."""
    midnight = datetime.combine(day, time.min)
    return timezone.make_aware(midnight) if timezone.is_aware(timezone.now()) else midnight


class ColumnFilter(admin.SimpleListFilter):
    """Filters by one column, whose name is that of the parameter."""

    template = "threadless/admin/filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        if any("\0" in str(value) for value in params.get(self.parameter_name, ())):
            raise IncorrectLookupParameters  # PostgreSQL refuses a query with a NUL character
        super().__init__(request, params, model, model_admin)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        try:
            return queryset if value is None else queryset.filter(**{str(self.parameter_name): value})
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters from error


class LinkedFilter(ColumnFilter):
    """Filters by a value that a link of the list gives. Shown only then, so that it can be removed."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        return [] if value is None else [(value, self.label(value))]

    def label(self, value: str) -> str:
        """What people see instead of the value."""
        return value


class KeyFilter(LinkedFilter):
    """Calls with one key."""

    title = _("key")
    parameter_name = "key_id"

    def label(self, value: str) -> str:
        if value == "":
            return str(_("(session)"))
        return str(_object(get_api_key_model(), value) or value)


class UserFilter(LinkedFilter):
    """Calls of one user."""

    title = _("user")
    parameter_name = "user"

    def label(self, value: str) -> str:
        user = _object(get_user_model(), value)
        return user.get_username() if user else f"#{value}"


class AccountFilter(LinkedFilter):
    """Calls of one account."""

    title = _("account")
    parameter_name = "account"


class ErrorFilter(LinkedFilter):
    """Calls that failed with one error code."""

    title = _("error code")
    parameter_name = "error_code"


class ModelFilter(ColumnFilter):
    """Calls of one model or agent."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = models_in_use(model_admin.get_queryset(request).db)
        if (value := self.value()) is not None and value not in names:
            names.append(value)
        self.seen = seen_by(request)
        return list(names_of(names, self.seen).items())


class StateFilter(ColumnFilter):
    """Calls in one state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return UsageRecord.State.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # An expression, because with the index of the sweep a database would sort all rows in this state.
        state = Coalesce("state", Value(""))
        return queryset if self.value() is None else queryset.alias(state_text=state).filter(state_text=self.value())


class StreamFilter(ColumnFilter):
    """Streams, or plain calls."""

    title = _("answer")
    parameter_name = "is_stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("streamed")), ("0", _("plain"))]


class SourceFilter(ColumnFilter):
    """Calls by who counted their tokens."""

    title = _("who counted the tokens")
    parameter_name = "usage_source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(value, label) for value, label in UsageRecord.Source.choices if value]


def any_of(conditions: list[Q]) -> Q:
    """The disjunction of these conditions."""
    union = Q()
    for condition in conditions:
        union |= condition
    return union


def _object(model: Any, pk: str) -> Any:
    try:
        return model._default_manager.filter(pk=pk).first()
    except (ValueError, ValidationError):
        return None
