"""Usage records as CSV and JSON Lines: complete, in order, and provably so."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.factories import make_record
from threadless.usage.export import COLUMNS, csv_lines, file_name, json_lines, rows_of
from threadless.usage.models import UsageRecord

pytestmark = pytest.mark.django_db

MAY = datetime(2026, 5, 10, 12, tzinfo=UTC)


def exported() -> list[dict[str, str]]:
    return list(csv.DictReader(list(csv_lines(rows_of(UsageRecord.objects.all())))[:-1]))


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("threadless_export", *arguments, stdout=output)
    return output.getvalue()


def test_export_names_every_column_but_those_of_the_ledger_itself() -> None:
    header, _end = csv_lines([])
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


def test_export_reads_every_record_once_in_batches_of_any_size() -> None:
    times = [MAY + timedelta(seconds=second) for second in (3, 1, 2, 2, 2, 0, 2)]
    records = [make_record(opened_at=opened_at) for opened_at in times]
    expected = [each.request_id for each in sorted(records, key=lambda each: (each.opened_at, each.pk))]
    for batch in (1, 2, 3, 7, 8):
        assert [row[0] for row in rows_of(UsageRecord.objects.all(), batch)] == expected


def test_batch_continues_at_its_place_in_the_index(django_assert_num_queries: Any) -> None:
    for _ in range(5):
        make_record()
    with django_assert_num_queries(3):
        list(rows_of(UsageRecord.objects.all(), 2))


def test_last_line_proves_that_file_is_complete() -> None:
    make_record(), make_record()
    assert list(csv_lines(rows_of(UsageRecord.objects.all())))[-1] == "# end, 2 rows\r\n"
    assert list(json_lines(rows_of(UsageRecord.objects.all())))[-1] == '{"end":true,"rows":2}\n'


def test_file_is_named_by_its_filter() -> None:
    assert file_name(["2026-05-01", "2026-05-31", "key-CI pipeline/€"], "csv") == (
        "usage_2026-05-01_2026-05-31_key-CI-pipeline.csv"
    )


def test_command_exports_month_of_one_key() -> None:
    make_record(request_id="in_may", opened_at=MAY)
    make_record(request_id="of_other_key", opened_at=MAY, key_id="8")
    make_record(request_id="in_june", opened_at=MAY + timedelta(days=30))
    lines = [json.loads(line) for line in run("--month", "2026-05", "--key", "7", "--format", "jsonl").splitlines()]
    assert [line["request_id"] for line in lines[:-1]] == ["in_may"]
    assert (lines[0]["opened_at"], lines[-1]) == ("2026-05-10T12:00:00Z", {"end": True, "rows": 1})
    assert list(lines[0]) == list(COLUMNS)


def test_command_exports_range_to_file_in_format_of_its_name(tmp_path: Path) -> None:
    make_record(opened_at=MAY)
    file = tmp_path / "usage.jsonl"
    assert run("--from", "2026-05-10", "--to", "2026-05-10", "--output", str(file)) == ""
    assert file.read_text().endswith('{"end":true,"rows":1}\n')


@pytest.mark.parametrize("arguments", [("--from", "may"), ("--month", "2026-13"), ("--format", "xlsx")])
def test_command_refuses_invalid_options(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="argument"):
        run(*arguments)


def test_command_refuses_value_that_column_cannot_hold() -> None:
    with pytest.raises(CommandError, match="expected a number"):
        run("--user-id", "nobody")
