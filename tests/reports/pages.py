"""The report as tests read it."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client

PAGE = "/admin/threadless_reports/usageday/"
MARCH = {"since": "2026-03-01", "until": "2026-03-31"}


def show(client: Client, **query: str) -> str:
    """The page about March, unless the query says otherwise."""
    response = client.get(PAGE, {**MARCH, **query})
    assert response.status_code == 200
    return response.content.decode()


def rows(content: str, title: str = "table-title") -> list[list[str]]:
    """The texts of the table in this section."""
    section = content[content.index(f'id="{title}"') :].split("</section>", maxsplit=1)[0]
    found = re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in found
    ]
