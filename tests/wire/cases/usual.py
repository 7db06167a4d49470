"""A usual answer in both forms, for cases in which something else is unusual."""

from __future__ import annotations

from typing import Any, Final

from tests.support.bodies import chunk, completion, usage_chunk
from tests.wire.cases.case import Case, Expected, events, json_bytes, spoken

ANSWER: Final = json_bytes(completion("Hello"))
STREAM: Final = events(spoken(), chunk(finish_reason="stop"), usage_chunk())


def usual(kind: str, name: str, source: str, **options: Any) -> Case:
    """A case with a usual answer. `expected` are fields of `Expected`."""
    expected = {"text": "Hello", "reason": "stop", "tokens": (9, 5)} | options.pop("expected", {})
    return Case(
        kind=kind, name=name, source=source, answer=ANSWER, stream=STREAM, expected=Expected(**expected), **options
    )
