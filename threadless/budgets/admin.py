"""Budgets in the admin: their use, their limits, and who changed them."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import get_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from threadless.admin.moments import moment
from threadless.admin.usage_columns import cost_of, grouped
from threadless.budgets import api
from threadless.budgets.amounts import amount_text, parse_amount
from threadless.budgets.models import Budget, BudgetChange, Unit

_FIXED: Final = ("subject_kind", "subject_id", "unit", "period")
"""Fields that cannot change: a budget with another period is another budget."""


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes the limit as people write it: a cost in units of the currency."""

    limit = forms.CharField(
        label=_("Limit"), help_text=_("Tokens, calls, or an amount of the currency, such as 12.50.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            text = amount_text(self.instance.unit, self.instance.limit).split()[0]
            self.initial["limit"] = text.replace(".", get_format("DECIMAL_SEPARATOR"))

    def clean(self) -> dict[str, Any]:
        """Turn the limit into the whole number that is stored."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        unit = cleaned.get("unit") or self.instance.unit
        if unit and "limit" in cleaned:
            try:
                cleaned["limit"] = parse_amount(unit, _with_point(cleaned["limit"]))
            except ValueError:
                raise ValidationError({"limit": _("Enter a number without thousands separators.")}) from None
        return cleaned


def _with_point(text: str) -> str:
    """The number with a decimal point in place of the sign of the reader's language. Raises `ValueError` for a point
    that may separate thousands."""
    separator = get_format("DECIMAL_SEPARATOR")
    if separator != "." and "." in text:
        raise ValueError(text)
    return text.replace(separator, ".")


class ChangeInline(admin.TabularInline):  # type: ignore[type-arg]
    """The history of the limit."""

    model = BudgetChange
    fields = readonly_fields = ("changed_at", "user", "limit_before", "limit_after")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("at"))
    def changed_at(self, change: BudgetChange) -> SafeString | str:
        return moment(change.at)

    @admin.display(description=_("limit before"))
    def limit_before(self, change: BudgetChange) -> str:
        return _text_of(change, change.before)

    @admin.display(description=_("limit after"))
    def limit_after(self, change: BudgetChange) -> str:
        return _text_of(change, change.after)


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Changes limits through the API, so that each change is recorded and applies at once."""

    form = BudgetForm
    list_display = ("__str__", "use", "remaining", "reset", "refused")
    list_filter = ("subject_kind", "unit", "period", "action")
    search_fields = ("=subject_id",)
    readonly_fields = ("spent", "reserved", "remaining", "resets_at", "refused")
    inlines = (ChangeInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*_FIXED, *self.readonly_fields) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        with transaction.atomic(using=api.ledger_alias()):
            before = api.locked_limit(obj) if change else None
            api.save_budget(obj, before, request.user)

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        with transaction.atomic(using=api.ledger_alias()):
            api.forget_budget(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        for budget in queryset:
            self.delete_model(request, budget)

    class Media:
        css: ClassVar = {"all": ("threadless/admin.css",)}

    @admin.display(description=_("used / limit"))
    def use(self, budget: Budget) -> SafeString:
        """What is spent and reserved, above the limit."""
        state = api.state_of(budget)
        used, limit = (_shown(budget.unit, each) for each in (state.spent + state.reserved, budget.limit))
        markup = '<div class="threadless-line">{}</div><div class="threadless-line threadless-note">{}</div>'
        return format_html(markup, used, limit)

    @admin.display(description=_("resets"))
    def reset(self, budget: Budget) -> SafeString | str:
        return moment(api.state_of(budget).resets_at)

    @admin.display(description=_("spent"))
    def spent(self, budget: Budget) -> str:
        return _shown(budget.unit, api.state_of(budget).spent)

    @admin.display(description=_("reserved by running calls"))
    def reserved(self, budget: Budget) -> str:
        return _shown(budget.unit, api.state_of(budget).reserved)

    @admin.display(description=_("remaining"))
    def remaining(self, budget: Budget) -> str:
        return _shown(budget.unit, api.state_of(budget).remaining)

    @admin.display(description=_("resets at"))
    def resets_at(self, budget: Budget) -> SafeString | str:
        return moment(api.state_of(budget).resets_at)

    @admin.display(description=_("refused calls"))
    def refused(self, budget: Budget) -> int:
        return api.state_of(budget).refused


def _shown(unit: str, amount: int) -> str:
    """The amount as the language of the reader writes it, such as 50,000,000 or 12.50 USD."""
    return cost_of(amount) if unit == Unit.COST else grouped(amount)


def _text_of(change: BudgetChange, amount: int | None) -> str:
    return "" if amount is None or change.budget is None else _shown(change.budget.unit, amount)
