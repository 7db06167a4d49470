"""The cells of the list of calls. Key, user, account, model and error lead to the same list, limited to them."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from django.contrib import admin
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from threadless.admin.moments import WHEN, stacked
from threadless.conf import conf
from threadless.money import from_nano
from threadless.usage.models import UsageRecord

_CENT: Final = Decimal("0.01")
_SMALLEST: Final = Decimal("0.0001")


def _tokens_and_cost() -> str:
    return gettext("tokens, cost (%(currency)s)") % {"currency": conf.currency}


TOKENS_AND_COST: Any = lazy(_tokens_and_cost, str)()
"""The header of the column, which names the currency of its costs."""


class CallColumns:
    """Columns of `UsageRecordAdmin`. The list sets `model_name` of each record."""

    admin_site: Any

    @admin.display(description=WHEN)
    def opened(self, record: UsageRecord) -> SafeString:
        return stacked(record.opened_at, title=record.request_id)

    @admin.display(description=_("caller"))
    def caller(self, record: UsageRecord) -> SafeString:
        key = self.narrowed(key_name(record), key_id=record.key_id)
        user = "" if record.user_id is None else self.narrowed(username_of(record), user=record.user_id)
        account = self.narrowed(record.account, account=record.account) if record.account else ""
        return _lines(key, format_html("{}{}{}", user, " · " if user and account else "", account))

    @admin.display(description=_("model"))
    def asked(self, record: UsageRecord) -> SafeString:
        name = getattr(record, "model_name", record.model)
        return self.narrowed(name, title=record.model, model=record.model)

    @admin.display(description=_("outcome"))
    def outcome_cell(self, record: UsageRecord) -> SafeString:
        code = record.error_code
        return _lines(badge(record), self.narrowed(code, error_code=code) if code else "")

    @admin.display(description=TOKENS_AND_COST)
    def tokens(self, record: UsageRecord) -> SafeString:
        nano = record.cost_nano
        cost = "" if nano is None else format_html('<span title="{}">{}</span>', cost_of(nano), _rounded(nano))
        return _lines(_number(tokens_of(record)), cost)

    @admin.display(description=_("time"))
    def times(self, record: UsageRecord) -> SafeString:
        first = record.first_token_ms
        note = "" if first is None else format_html('<span title="{}">{}</span>', _("first token"), seconds(first))
        return _lines(seconds(record.duration_ms), note)

    def narrowed(self, text: Any, title: Any = "", **filters: Any) -> SafeString:
        """A link to the list of calls with these filters."""
        url = f"{reverse(f'{self.admin_site.name}:threadless_usagerecord_changelist')}?{urlencode(filters)}"
        return format_html('<a href="{}" title="{}">{}</a>', url, title or text, text)


def _lines(first: Any, second: Any) -> SafeString:
    """Two lines of a cell, the second one quieter."""
    if not second:
        return format_html('<div class="threadless-line">{}</div>', first)
    markup = '<div class="threadless-line">{}</div><div class="threadless-line threadless-note">{}</div>'
    return format_html(markup, first, second)


def _number(text: str) -> SafeString:
    return format_html('<span class="threadless-number">{}</span>', text)


def badge(record: UsageRecord) -> SafeString:
    """The state as HTML."""
    return format_html(
        '<span class="threadless-badge threadless-{}">{}</span>', record.state, record.get_state_display()
    )


def key_name(record: UsageRecord) -> str:
    """The name that the key had; for people who were signed in, that there was none."""
    return record.key_label or record.key_id or str(_("(session)"))


def username_of(record: UsageRecord) -> str:
    """The name of the user; the primary key if the user was deleted."""
    if record.user is not None:
        return str(record.user.get_username())
    return "–" if record.user_id is None else f"#{record.user_id}"


def tokens_of(record: UsageRecord) -> str:
    """Tokens in and out; with a sign if we have counted them."""
    if record.prompt_tokens is None:
        return "–"
    sign = "≈ " if record.usage_source == UsageRecord.Source.ESTIMATED else ""
    return f"{sign}{grouped(record.prompt_tokens)} / {grouped(record.completion_tokens or 0)}"


def grouped(number: int) -> str:
    """A number with separators, such as 12,345."""
    return number_format(number, force_grouping=True)


def cost_of(nano: int | None) -> str:
    """The exact cost with its currency, such as `0.0002584 USD`."""
    return "–" if nano is None else f"{_amount(from_nano(nano))} {conf.currency}"


def _rounded(nano: int) -> str:
    """Four decimal places at most; a lower cost is not shown as nothing."""
    cost = from_nano(nano)
    if 0 < cost < _SMALLEST:
        return f"< {_amount(_SMALLEST)}"
    return _amount(cost.quantize(_SMALLEST, ROUND_DOWN).normalize())


def _amount(cost: Decimal) -> str:
    """All decimal places that the cost has, and at least two."""
    rounded = cost.quantize(_CENT)
    return number_format(rounded if rounded == cost else cost, force_grouping=True)


def seconds(milliseconds: int | None) -> SafeString:
    """A duration in seconds as HTML."""
    return _number("–" if milliseconds is None else f"{number_format(milliseconds / 1000, decimal_pos=2)} s")
