"""`threadless_report` prints the sums of the report."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.reports.ledgers import at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _calls() -> None:
    at("2026-03-05T12:00:00+00:00", model="small", key_id="7", prompt_tokens=5, cost_nano=9, first_token_ms=90)
    at("2026-03-05T12:00:00+00:00", model="large", key_id="7")
    at("2026-03-06T12:00:00+00:00", model="small", key_id="8")


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("threadless_report", "--month", "2026-03", *arguments, stdout=output)
    return output.getvalue().splitlines()


def test_report_as_csv() -> None:
    header, *lines, end = run("--by", "key,model", "--csv")
    assert header.startswith("key_id,model,calls,failed,prompt_tokens")
    assert [line.split(",")[:3] for line in lines] == [["7", "large", "1"], ["7", "small", "1"], ["8", "small", "1"]]
    assert end == "# end, 3 rows"


def test_report_as_json() -> None:
    row, end = map(json.loads, run("--by", "day", "--key", "7", "--json"))
    assert (row["day"], row["calls"], row["prompt_tokens"], row["cost_nano"]) == ("2026-03-05", 2, 5, 9)
    assert (row["first_token_p50_ms"], end) == (50, {"end": True, "rows": 1})


def test_report_for_a_terminal_is_aligned() -> None:
    header, first, second = run("--by", "model")
    assert header.split()[:2] == ["model", "calls"]
    assert (first.split()[:2], second.split()[:2]) == (["large", "1"], ["small", "2"])
    assert len({len(line) for line in (header, first, second)}) == 1


@pytest.mark.parametrize("by", ["color", "", "model,color"])
def test_unknown_dimension_is_refused(by: str) -> None:
    with pytest.raises(CommandError, match="is not one of"):
        run("--by", by)
