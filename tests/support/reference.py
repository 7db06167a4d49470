"""Reads the tables of the reference pages."""

from __future__ import annotations

from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without backticks."""
    section = (REFERENCE / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows[1:]]
