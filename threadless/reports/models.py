"""`UsageDay`, the sums of one day, shorter tables of the same sums, and `Rollup`, when they were computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Rollup(models.Model):
    """The state of one day's sums."""

    day = models.DateField(_("day"), unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64)
    made_at = models.DateTimeField(_("made at"), null=True)
    calls = models.BigIntegerField(_("calls"), default=0)
    is_settled = models.BooleanField(
        _("settled"), default=False, help_text=_("The day is over and all its calls have ended.")
    )
    is_purged = models.BooleanField(
        _("purged"), default=False, help_text=_("The usage records of the day were deleted. Only the sums remain.")
    )
    in_month_as_of = models.DateTimeField(
        _("in the month as of"),
        null=True,
        help_text=_("When the sums were made that are part of the month. Another time than above: they have changed."),
    )

    class Meta:
        app_label = "threadless_reports"
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


def _sum(name: Any) -> models.BigIntegerField[int, int]:
    return models.BigIntegerField(name, default=0)


class DaySums(models.Model):
    """The sums of all usage records of one day that agree in the dimensions of the table.

    The histogram has a column for each bucket, so that every database can add histograms with SUM.
    """

    dimensions: ClassVar[tuple[str, ...]]
    """The columns that tell rows of one day apart."""

    day = models.DateField(_("day"))
    digest = models.CharField(
        _("digest"),
        max_length=32,
        help_text=_("Hash of the dimensions. All columns together are too long for a unique index of MariaDB."),
    )
    calls = _sum(_("calls"))
    failed = _sum(_("failed calls"))
    prompt_tokens = _sum(_("prompt tokens"))
    completion_tokens = _sum(_("completion tokens"))
    cached_tokens = _sum(_("cached tokens"))
    reasoning_tokens = _sum(_("reasoning tokens"))
    cost_nano = _sum(_("cost"))
    cost_unknown = _sum(_("calls of unknown cost"))
    duration_ms = _sum(_("duration (ms)"))
    first_token_0 = _sum(_("first token, bucket 0"))
    first_token_1 = _sum(_("first token, bucket 1"))
    first_token_2 = _sum(_("first token, bucket 2"))
    first_token_3 = _sum(_("first token, bucket 3"))
    first_token_4 = _sum(_("first token, bucket 4"))
    first_token_5 = _sum(_("first token, bucket 5"))
    first_token_6 = _sum(_("first token, bucket 6"))
    first_token_7 = _sum(_("first token, bucket 7"))
    first_token_8 = _sum(_("first token, bucket 8"))
    first_token_9 = _sum(_("first token, bucket 9"))
    first_token_10 = _sum(_("first token, bucket 10"))
    first_token_11 = _sum(_("first token, bucket 11"))

    class Meta:
        app_label = "threadless_reports"
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.digest}"


_CALLER: Final = ("account", "key_id", "key_label", "user_id")
_TARGET: Final = ("model", "target_kind", "operation", "state", "error_code")


class _Callers(models.Model):
    """The columns that say who called."""

    account = models.CharField(_("account"), max_length=64, blank=True)
    key_id = models.CharField(_("key id"), max_length=64, blank=True)
    key_label = models.CharField(_("key"), max_length=100, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )

    class Meta:
        app_label = "threadless_reports"
        abstract = True


class _Targets(models.Model):
    """The columns that say what was called and how it ended."""

    model = models.CharField(_("model asked"), max_length=200)
    target_kind = models.CharField(_("kind"), max_length=8)
    operation = models.CharField(_("operation"), max_length=16)
    state = models.CharField(_("state"), max_length=11)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)

    class Meta:
        app_label = "threadless_reports"
        abstract = True


class UsageDay(_Callers, _Targets, DaySums):
    """The sums by every dimension. A busy platform has thousands of rows a day."""

    dimensions = (*_CALLER, *_TARGET)

    class Meta(DaySums.Meta):
        verbose_name = _("usage of a day")
        verbose_name_plural = _("usage report")
        constraints = (models.UniqueConstraint(fields=["day", "digest"], name="threadless_usageday_unique"),)
        indexes = (
            models.Index(fields=["account", "day"], name="threadless_usageday_account"),
            models.Index(fields=["key_id", "day"], name="threadless_usageday_key"),
            models.Index(fields=["user", "day"], name="threadless_usageday_user"),
        )


class CallerDay(_Callers, DaySums):
    """The sums of `UsageDay` by who called: fewer rows, so that long ranges are read in time."""

    dimensions = _CALLER

    class Meta(DaySums.Meta):
        verbose_name = _("usage of a day by caller")
        verbose_name_plural = _("usage of days by caller")
        constraints = (models.UniqueConstraint(fields=["day", "digest"], name="threadless_callerday_unique"),)
        indexes = (
            models.Index(fields=["account", "day"], name="threadless_callerday_account"),
            models.Index(fields=["key_id", "day"], name="threadless_callerday_key"),
            models.Index(fields=["user", "day"], name="threadless_callerday_user"),
        )


class CallerMonth(_Callers, DaySums):
    """The sums of `CallerDay` by month: `day` is the first one. Ranges of many months are read in time."""

    dimensions = _CALLER

    class Meta(DaySums.Meta):
        verbose_name = _("usage of a month by caller")
        verbose_name_plural = _("usage of months by caller")
        constraints = (models.UniqueConstraint(fields=["day", "digest"], name="threadless_callermonth_unique"),)
        indexes = (
            models.Index(fields=["account", "day"], name="threadless_callermonth_account"),
            models.Index(fields=["key_id", "day"], name="threadless_callermonth_key"),
            models.Index(fields=["user", "day"], name="threadless_callermonth_user"),
        )


class TargetDay(_Targets, DaySums):
    """The sums of `UsageDay` by what was called and how it ended: few rows, however many keys there are."""

    dimensions = _TARGET

    class Meta(DaySums.Meta):
        verbose_name = _("usage of a day by model")
        verbose_name_plural = _("usage of days by model")
        constraints = (models.UniqueConstraint(fields=["day", "digest"], name="threadless_targetday_unique"),)


class TargetMonth(_Targets, DaySums):
    """The sums of `TargetDay` by month: `day` is the first one."""

    dimensions = _TARGET

    class Meta(DaySums.Meta):
        verbose_name = _("usage of a month by model")
        verbose_name_plural = _("usage of months by model")
        constraints = (models.UniqueConstraint(fields=["day", "digest"], name="threadless_targetmonth_unique"),)


TABLES: Final[tuple[type[DaySums], ...]] = (TargetDay, CallerDay, UsageDay)
"""All tables of the sums of days, the shortest first. Each has the sums of all calls."""
MONTHS: Final[Mapping[type[DaySums], type[DaySums]]] = {TargetDay: TargetMonth, CallerDay: CallerMonth}
"""The tables of months, by the table of days that they are made of."""

BUCKETS_MS: Final = (100, 200, 300, 500, 750, 1_000, 1_500, 2_500, 5_000, 10_000, 30_000)
"""Upper bounds of the buckets of the histogram, in milliseconds. The last bucket has none. Part of the stored data:
changing a bound makes older days wrong."""
