"""The report in another language: its texts are translated, its drawing stays valid."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from tests.reports.ledgers import at
from threadless.reports.rollup import roll_up_due

pytestmark = pytest.mark.django_db

PAGE = "/admin/threadless_reports/usageday/"


@pytest.fixture
def page(admin_client: Client, settings: Any) -> str:
    """The report in German, with the strictest format of numbers."""
    settings.USE_THOUSAND_SEPARATOR = True
    for day in ("2026-03-05", "2026-03-09"):
        at(f"{day}T12:00:00+00:00", model="large", prompt_tokens=1234567, cost_nano=2_500_000_000)
    roll_up_due()
    with translation.override("de"):
        return admin_client.get(PAGE, {"since": "2026-03-01", "until": "2026-03-31"}).content.decode()


def test_report_speaks_german(page: str) -> None:
    assert "0 offene Aufrufe" in page
    assert "2.469.134" in page


def test_drawing_has_numbers_of_svg(page: str) -> None:
    drawing = page[page.index('<svg viewBox="0 0 1000') :].partition("</svg>")[0]
    numbers = re.findall(r'\b(?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing)
    assert numbers
    assert [number for number in numbers if not re.fullmatch(r"-?\d+(\.\d+)?%?", number)] == []


def test_links_have_plain_numbers(page: str) -> None:
    assert re.findall(r'href="[^"]*=\d+\.\d{3}\b', page) == []
