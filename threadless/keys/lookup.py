"""The key lookup of every call: one joined query. It is compiled once per process if its SQL cannot change.

For a key and its user, compiling the queryset takes 194 µs and running it on SQLite 13 µs. The compiled lookup keeps
Django's SQL and converters; `from_db` creates the instances, as in the ORM.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import connections, models

from threadless.db.prepared import Statement, first_row

Convert = Callable[[Any, Any], Any]

_MARK: Final = "threadless-value-to-come"
_KEPT_VALUES: Final = 1024
"""Of each column, so that the keys in use find theirs."""


def find_key(queryset: models.QuerySet[Any], digest: str) -> Any:
    """The key with this digest or previous digest; None if there is none. Compiled for each call."""
    query: Any = queryset.query
    is_ours = (
        query.select_related is False and not query.deferred_loading[0]
    )  # otherwise the host selects its own columns
    keys = queryset.select_related("user") if is_ours else queryset
    return keys.filter(_matches(digest)).first()


def _matches(digest: str) -> models.Q:
    return models.Q(digest=digest) | models.Q(previous_digest=digest)


def is_plain(manager: Any) -> bool:
    """True if manager and queryset are Django's own.

    Code of a host may depend on the time or on the current tenant, so its SQL must not be kept.
    """
    queryset = manager._queryset_class
    return type(manager).get_queryset is models.Manager.get_queryset and all(
        getattr(queryset, name) is getattr(models.QuerySet, name)
        for name in ("__init__", "_clone", "_chain", "annotate", "filter", "order_by", "values_list")
    )


class PreparedLookup:
    """A compiled lookup: `get(digest)` returns the same as `find_key(queryset, digest)`, with user and annotations."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        self.using = queryset.db
        self._model: Any = queryset.model
        self._user_field: Any = self._model._meta.get_field("user")
        self._user_model: Any = self._user_field.related_model
        self._names = [field.attname for field in self._model._meta.concrete_fields]
        self._user_names = [field.attname for field in self._user_model._meta.concrete_fields]
        self._annotations = list(queryset.query.annotations)
        columns = [*self._names, *(f"user__{name}" for name in self._user_names), *self._annotations]
        rows = queryset.order_by().filter(_matches(_MARK)).values_list(*columns)
        compiler: Any = rows.query.get_compiler(using=self.using)
        statement, params = compiler.as_sql()
        self._statement = Statement(statement)
        self._params = list(params)
        self._converters: list[tuple[int, Convert]] = []
        self._kept: list[tuple[int, Callable[[Any], Any]]] = []
        found = compiler.get_converters([column for column, _, _ in compiler.select])
        for index, (steps, expression) in found.items():
            self._add_converter(index, steps, expression)

    def _add_converter(self, index: int, steps: list[Any], expression: Any) -> None:
        """Converts a value of the database to a Python value."""

        def convert(value: Any, connection: Any) -> Any:
            for step in steps:
                value = step(value, expression, connection)
            return value

        if isinstance(expression.output_field, models.DateTimeField | models.BooleanField):
            # SQLite returns times as text, and each call of a key parses the same ones.
            self._kept.append((index, lru_cache(_KEPT_VALUES)(lambda value: convert(value, connections[self.using]))))
        else:
            self._converters.append((index, convert))

    def get(self, digest: str) -> Any:
        """The instance; None if there is none."""
        params = [digest if param == _MARK else param for param in self._params]
        connection = connections[self.using]
        row = self._statement.run(connection, params, first_row)
        return None if row is None else self._instance(list(row), connection)

    def _instance(self, row: list[Any], connection: Any) -> Any:
        for index, convert in self._converters:
            row[index] = convert(row[index], connection)
        for index, recall in self._kept:
            row[index] = recall(row[index])
        start, end = len(self._names), len(self._names) + len(self._user_names)
        instance = self._model.from_db(self.using, self._names, row[:start])
        user = self._user_model.from_db(self.using, self._user_names, row[start:end])
        self._user_field.set_cached_value(instance, user)  # as `select_related` does
        for name, column in zip(self._annotations, row[end:], strict=True):
            setattr(instance, name, column)
        return instance


prepared: Final[dict[Any, PreparedLookup]] = {}
"""Compiled lookups by adapter class, model and database. Cleared when a setting changes."""
setting_changed.connect(lambda **_: prepared.clear(), weak=False)
