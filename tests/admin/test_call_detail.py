"""What the list and the page of one call show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from tests.support.call_list import LIST, START
from tests.support.factories import make_key, make_record, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (1, "&lt; 0.0001"), (99_999, "&lt; 0.0001"), (1_234_567, "0.0012"), (2_500_000_000, "2.50")],
)
def test_cost_is_shown_to_the_fourth_decimal_place(admin_client: Client, nano: int, text: str) -> None:
    make_record(prompt_tokens=1, cost_nano=nano)
    assert f">{text}</span>" in admin_client.get(LIST).content.decode()


def test_detail_shows_what_the_call_has(admin_client: Client, user: Any) -> None:
    key, _ = make_key(name="CI pipeline", user=user)
    record = make_record(
        user_id=user.pk, key_id=str(key.pk), key_label="CI pipeline", account="acme", state="completed",
        http_status=200, prompt_tokens=1234, completion_tokens=5, cost_nano=1_500_000, opened_at=START,
        settled_at=START, client_request_id="theirs", worker="web:1", hook_state=json.dumps({"4": 5}),
    )  # fmt: skip
    content = admin_client.get(f"{LIST}{record.pk}/change/").content.decode()
    for text in ("1,234 / 5", "0.0015", "acme", "theirs", "web:1", "2026-05-01 12:00:00 UTC", "&quot;4&quot;: 5"):
        assert text in content
    for link in (f"/admin/threadless/apikey/{key.pk}/change/", f"/admin/auth/user/{user.pk}/change/"):
        assert f'href="{link}"' in content
    assert f'href="{LIST}?key_id={key.pk}"' in content


def test_call_is_written_in_the_language_of_the_reader(admin_client: Client) -> None:
    record = make_record(state="completed", prompt_tokens=1234, cost_nano=258_400, first_token_ms=1250)
    with translation.override("de"):
        detail = admin_client.get(f"{LIST}{record.pk}/change/").content.decode()
        listed = admin_client.get(LIST).content.decode()
    for text in ("1.234 / 0", "0,0002584 USD", "1,25 s", "<dd>Modell</dd>", f"{record.request_id} (abgeschlossen)"):
        assert text in detail
    for text in ("1.234 / 0", ">0,0002</span>", "1,25 s", "Kosten (USD)"):
        assert text in listed


def test_detail_leaves_out_what_the_call_does_not_have(admin_client: Client) -> None:
    record = make_record(state="completed")
    content = admin_client.get(f"{LIST}{record.pk}/change/").content.decode()
    for text in ("History", "Deadline", "Hook state", "Client", "Error code", "None"):
        assert text not in content.replace("Client's calls", "")


def test_deadline_is_shown_while_the_call_is_open(admin_client: Client) -> None:
    record = make_record()
    assert "Deadline" in admin_client.get(f"{LIST}{record.pk}/change/").content.decode()


def test_detail_links_only_to_pages_that_the_reader_may_open(user: Any) -> None:
    record = make_record(user_id=user.pk, key_id=str(make_key()[0].pk))
    client = Client()
    client.force_login(make_user(permissions=("view_usagerecord",), is_staff=True))
    content = client.get(f"{LIST}{record.pk}/change/").content.decode()
    assert "alice" in content
    assert "/admin/auth/user/" not in content
    assert "/admin/threadless/apikey/" not in content


def test_page_of_a_call_offers_no_history(admin_client: Client) -> None:
    record = make_record()
    assert "/history/" not in admin_client.get(f"/admin/threadless/usagerecord/{record.pk}/change/").content.decode()
