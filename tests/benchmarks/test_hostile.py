"""Attacks are what they say, and a row that misses a gate fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.hostile import MODEL, bodies
from benchmarks.hostile.run import Result

SIZE = 65536
GOOD = Result(name="row", frozen_ms=99, peak_mb=299, victim_seconds=1.9, faults=[])


@pytest.mark.parametrize("make", bodies.SHAPES.values(), ids=bodies.SHAPES)
def test_shape_is_a_chat_of_the_given_size(make: Callable[[int], bytes]) -> None:
    body = make(SIZE)
    assert SIZE * 0.95 < len(body) <= SIZE
    decoded = json.loads(body, parse_int=str)
    assert decoded["model"] == MODEL
    assert decoded["messages"][0]["role"] == "user"


def test_row_within_its_gates_passes() -> None:
    assert GOOD.verdict == "ok"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"frozen_ms": 101}, "frozen"),
        ({"peak_mb": 301}, "peak"),
        ({"victim_seconds": 2.1}, "victim"),
        ({"faults": ["worker killed"]}, "worker killed"),
    ],
)
def test_row_that_misses_a_gate_says_which(change: dict[str, Any], verdict: str) -> None:
    assert replace(GOOD, **change).verdict == verdict
