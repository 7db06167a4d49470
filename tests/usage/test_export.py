"""Usage records as CSV."""

from __future__ import annotations

import csv

import pytest

from tests.support.factories import make_record
from threadless.usage.export import COLUMNS, csv_lines
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db


def exported() -> list[dict[str, str]]:
    return list(csv.DictReader(csv_lines(UsageRecord.objects.values_list(*COLUMNS))))


def test_export_names_every_column_but_those_of_the_ledger_itself() -> None:
    [header] = csv_lines([])
    names = {field.attname for field in UsageRecord._meta.concrete_fields}
    assert names - set(header.strip().split(",")) == {"id", "deadline", "hook_state"}


def test_export_has_one_line_for_each_record() -> None:
    make_record(request_id="req_1", account="4711", cost_nano=5)
    [row] = exported()
    assert (row["request_id"], row["account"], row["cost_nano"], row["http_status"]) == ("req_1", "4711", "5", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_export_disarms_text_that_a_spreadsheet_would_run(text: str) -> None:
    make_record(key_label=text)
    assert exported()[0]["key_label"] == f"'{text}"
