"""`Budget`, the sums of its periods (`Counter`), and the history of its limit (`BudgetChange`).

Amounts are whole numbers: billionths of the currency (`cost`), tokens, or calls. They are signed big integers, because
MariaDB cannot compare sums of unsigned ones.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

MAX_LIMIT: Final = 2**62
"""Larger sums could overflow a column."""

_LIMITS: Final = [MinValueValidator(0), MaxValueValidator(MAX_LIMIT)]


class SubjectKind(models.TextChoices):
    """Whose calls a budget covers."""

    KEY = "key", _("key")
    USER = "user", _("user")
    ACCOUNT = "account", _("account")
    PLATFORM = "platform", _("platform")


class Unit(models.TextChoices):
    """What a budget limits."""

    COST = "cost", _("cost")
    TOKENS = "tokens", _("tokens")
    CALLS = "calls", _("calls")
    CONCURRENT = "concurrent", _("concurrent calls")


class Period(models.TextChoices):
    """After what time a budget starts again. A total never does."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")
    TOTAL = "total", _("total")


class Action(models.TextChoices):
    """What happens when the limit is reached."""

    REFUSE = "refuse", _("refuse calls")
    NOTIFY = "notify", _("notify")


class Budget(models.Model):
    """A limit on what one subject may use in a period. The limit and the action can change; the rest cannot."""

    subject_kind = models.CharField(_("subject"), max_length=8, choices=SubjectKind.choices)
    subject_id = models.CharField(
        _("subject ID"),
        max_length=64,
        blank=True,
        help_text=_("The primary key of the key or user, or the account. Empty for the platform."),
    )
    unit = models.CharField(_("unit"), max_length=10, choices=Unit.choices)
    period = models.CharField(_("period"), max_length=5, choices=Period.choices)
    limit = models.BigIntegerField(
        _("limit"), validators=_LIMITS, help_text=_("Tokens, calls, or billionths of the currency.")
    )
    action = models.CharField(_("action"), max_length=6, choices=Action.choices, default=Action.REFUSE)
    next = models.ForeignKey(
        "self",
        verbose_name=_("next budget"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Charged when this one has no room. It then covers no calls on its own."),
    )

    next_id: int | None
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "threadless_budgets"
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ("subject_kind", "subject_id", "unit", "period")
        constraints = (
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "unit", "period"], name="threadless_budget_unique"
            ),
            models.CheckConstraint(condition=Q(limit__gte=0), name="threadless_budget_limit"),
        )

    def __str__(self) -> str:
        subject = " ".join(filter(None, (str(SubjectKind(self.subject_kind).label), self.subject_id)))
        unit = Unit(self.unit).label
        if self.period == Period.TOTAL:
            return f"{subject}: {unit}"
        names = {"subject": subject, "unit": unit, "period": Period(self.period).label}
        return gettext("%(subject)s: %(unit)s per %(period)s") % names

    def clean(self) -> None:
        """Raise `ValidationError` if the fields do not suit each other."""
        if (self.subject_kind == SubjectKind.PLATFORM) == bool(self.subject_id):
            raise ValidationError({"subject_id": _("Every subject but the platform needs an ID.")})
        if self.unit == Unit.CONCURRENT and self.period != Period.TOTAL:
            raise ValidationError({"period": _("A limit of concurrent calls has no period. Choose total.")})
        if self.unit == Unit.CONCURRENT and self.action == Action.NOTIFY:
            raise ValidationError({"action": _("A limit of concurrent calls can only refuse calls.")})
        self._clean_next()

    def _clean_next(self) -> None:
        seen, following = {self.pk}, self.next
        while following is not None:
            if following.pk in seen:
                raise ValidationError({"next": _("A budget cannot follow itself.")})
            if (following.subject_kind, following.subject_id, following.unit) != (
                self.subject_kind,
                self.subject_id,
                self.unit,
            ):
                raise ValidationError({"next": _("The next budget must have the same subject and unit.")})
            seen.add(following.pk)
            following = following.next


class Counter(models.Model):
    """What a budget has used in one period. There is a row for each period in which there was a call."""

    budget = models.ForeignKey(Budget, verbose_name=_("budget"), on_delete=models.CASCADE, related_name="counters")
    starts_at = models.DateTimeField(_("starts at"))
    limit = models.BigIntegerField(_("limit"))
    spent = models.BigIntegerField(_("spent"), default=0, help_text=_("By calls that have ended."))
    reserved = models.BigIntegerField(_("reserved"), default=0, help_text=_("For calls that are running."))
    refused = models.BigIntegerField(_("refused calls"), default=0)

    budget_id: int
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "threadless_budgets"
        verbose_name = _("budget period")
        verbose_name_plural = _("budget periods")
        ordering = ("-starts_at",)
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=["budget", "starts_at"], name="threadless_budget_counter"),)

    def __str__(self) -> str:
        return f"{self.budget_id} {self.starts_at:%Y-%m-%d}"


class BudgetChange(models.Model):
    """One change of a limit. It outlives its budget, whose subject, unit and period it repeats."""

    budget = models.ForeignKey(
        Budget, verbose_name=_("budget"), on_delete=models.SET_NULL, null=True, related_name="changes"
    )
    title = models.CharField(_("title"), max_length=120, help_text=_("Subject, unit and period of the budget."))
    before = models.BigIntegerField(_("limit before"), null=True, help_text=_("Empty if the budget is new."))
    after = models.BigIntegerField(_("limit after"), null=True, help_text=_("Empty if the budget was deleted."))
    at = models.DateTimeField(_("at"), default=timezone.now)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("changed by"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        help_text=_("Empty if a command or the platform's own code changed it."),
    )

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "threadless_budgets"
        verbose_name = _("budget change")
        verbose_name_plural = _("budget changes")
        ordering = ("-at", "-id")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.title}: {self.before} → {self.after}"
