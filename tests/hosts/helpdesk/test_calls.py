"""Completions on the help desk, which has swapped everything that can be swapped."""

from __future__ import annotations

import gzip
import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.hosts.helpdesk.conftest import PATH, Ask
from tests.hosts.helpdesk.desk import credentials, plug
from tests.hosts.helpdesk.desk.models import Credential, Member, Ticket, UsageLine
from tests.support import rows
from threadless.models import UsageRecord
from threadless.testing import read_events

needs_commits = pytest.mark.django_db(transaction=True)


@needs_commits
def test_plain_call_is_answered_by_the_robot_and_compressed(ask: Ask) -> None:
    response = ask("open the door, " * 20)
    assert (response.status_code, response["Content-Encoding"]) == (200, "gzip")
    body = json.loads(gzip.decompress(response.content))
    assert body["choices"][0]["message"]["content"].startswith("You said: open the door, ")


@needs_commits
def test_stream_is_answered_word_by_word_and_uncompressed(ask: Ask) -> None:
    response = ask(stream=True)
    assert response["Content-Encoding"] == "identity"
    events = read_events(response)
    assert events.text == "You said: open the door "
    assert events.is_done


@needs_commits
def test_ledger_row_bears_the_uuid_of_the_member(ask: Ask, member: Member) -> None:
    ask()
    row = UsageRecord.objects.get()
    assert (row.user_id, row.user, row.key_label) == (member.pk, member, "Mia's laptop")


@needs_commits
def test_desks_own_usage_table_is_fed_too(ask: Ask, member: Member) -> None:
    ask()
    line, row = UsageLine.objects.get(), UsageRecord.objects.get()
    assert (line.member, line.reference, line.went_well) == (member, row.request_id, True)
    assert row.prompt_tokens
    assert row.completion_tokens
    assert line.tokens == row.prompt_tokens + row.completion_tokens


@needs_commits
def test_row_is_committed_before_the_answer_despite_atomic_requests(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(history: list[dict[str, Any]]) -> Iterator[str]:
        seen.append((connection.in_atomic_block, UsageRecord.objects.get().state))
        yield "Seen."

    monkeypatch.setattr("tests.hosts.helpdesk.desk.robot.words", look)
    assert ask().status_code == 200
    assert seen == [(False, "open")]


@needs_commits
def test_row_of_a_failed_call_outlives_the_failure_despite_atomic_requests(ask: Ask) -> None:
    response = ask("break")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "robot.internal" not in response.content.decode()
    assert UsageRecord.objects.get().state == "failed"
    assert not UsageLine.objects.get().went_well


def test_credential_without_the_right_is_refused_by_its_name(ask: Ask, member: Member) -> None:
    response = ask(key=credentials.issue(member, rights=()))
    assert (response.status_code, response.json()["error"]["code"]) == (403, "insufficient_scope")
    assert "robot" in response.json()["error"]["message"]


@pytest.mark.parametrize("key", ["desk.000000000000.nothing", "nonsense", "desk.."])
def test_unknown_credential_is_refused_in_the_form_of_the_openai_api(ask: Ask, key: str) -> None:
    response = ask(key=key)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")
    assert response["Content-Type"] == "application/json"


def test_void_credential_is_refused(ask: Ask, secret: str) -> None:
    Credential.objects.update(is_void=True)
    assert ask().status_code == 401


def test_credential_of_a_member_who_left_is_refused(ask: Ask, member: Member) -> None:
    member.is_active = False
    member.save()
    assert ask().status_code == 401


def test_anonymous_call_is_refused_and_not_redirected_to_a_login_page(client: Client) -> None:
    response = client.post(PATH, json.dumps({}), content_type="application/json")
    assert (response.status_code, response.json()["error"]["type"]) == (401, "authentication_error")


def test_hurry_is_refused_by_the_desks_throttle_on_its_own_views_only(client: Client, secret: str) -> None:
    headers = {"X-Desk-Credential": secret, "Authorization": f"Bearer {secret}", "X-Hurry": "yes"}
    assert client.get("/helpdesk/api/tickets/", headers=headers).status_code == 429
    assert client.get("/gate/llm/models", headers=headers).status_code == 200


def test_models_show_the_robot(client: Client, secret: str) -> None:
    body = client.get("/gate/llm/models", headers={"Authorization": f"Bearer {secret}"}).json()
    assert [(model["id"], model["owned_by"]) for model in body["data"]] == [("robot", "desk")]


def test_signed_in_member_without_scope_gets_a_page_that_names_it(client: Client, member: Member) -> None:
    client.force_login(member)
    response = client.get(PATH, headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert b"Missing scope: robot" in response.content


@needs_commits
def test_twenty_calls_add_twenty_rows_to_the_two_usage_tables_only(secret: str) -> None:
    before = rows.row_counts()
    statuses = rows.mixed_calls(PATH, secret, "robot")
    assert statuses == [200, 200, 200, 500] * 5
    assert rows.grown(before) == {UsageRecord._meta.db_table: rows.CALLS, UsageLine._meta.db_table: rows.CALLS}
    assert not Ticket.objects.exists()


def test_desks_llm_path_is_plugged_in_by_a_function_of_less_than_15_lines() -> None:
    assert len(inspect.getsource(plug.answer).splitlines()) < 15
