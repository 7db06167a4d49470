"""Times on the pages of the staff: ISO 8601 in the current time zone, which is named."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import gettext


def moment(when: datetime | None) -> SafeString | str:
    """Date, time to the second, and zone as HTML."""
    if when is None:
        return "–"
    local: Any = template_localtime(when)
    zone = f" {local:%Z}" if local.tzinfo else ""
    text = f"{local:%Y-%m-%d %H:%M:%S}{zone}"
    return format_html('<time class="threadless-number" datetime="{}">{}</time>', local.isoformat(), text)


def stacked(when: datetime, *, title: str) -> SafeString:
    """The date above the time, for a column whose header names the zone."""
    local: Any = template_localtime(when)
    markup = '<time class="threadless-number" datetime="{}" title="{}">{}<br>{}</time>'
    return format_html(markup, local.isoformat(), title, f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}")


def _when() -> str:
    if not timezone.is_aware(timezone.now()):  # the host may run with USE_TZ = False
        return gettext("when")
    return gettext("when (%(zone)s)") % {"zone": timezone.get_current_timezone_name()}


WHEN: Any = lazy(_when, str)()
"""The header of a column of times."""
