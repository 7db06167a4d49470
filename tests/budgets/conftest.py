"""These tests need the optional apps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.support import factories
from tests.support.bodies import chunk, completion
from tests.support.fixtures import Configure
from threadless.calls.running import wait_for_calls
from threadless.calls.threads import threads
from threadless.testing import CompletionClient

PER_MESSAGE = 4
"""What the estimate of a prompt adds for each message."""
HAS_APPS = django_settings.SETTINGS_MODULE == "tests.optional_apps"
collect_ignore_glob = [] if HAS_APPS else ["test_*.py"]

if HAS_APPS:
    from threadless.budgets import counters, known, refusals


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Each test reads the budgets and counters that it has made."""
    known.forget()
    counters.forget()
    yield
    refusals.forget()
    threads.retire()  # idle threads keep a connection


def count_letters(text: str, model: str) -> int:
    """An exact token counter: every letter is a token."""
    return len(text)


class Model:
    """The LLM path. Every letter is a token, and the usage says so."""

    def __init__(self) -> None:
        self.answer = ["Hello"]
        """The pieces of the next answers."""
        self.between: Callable[[int], None] = lambda number: None
        """Called before each piece."""
        self.hidden = 0
        """Tokens of reasoning that only the usage shows."""
        self.usage: dict[str, int] | None = None
        """What the upstream claims instead of the true usage."""
        self.calls = 0

    def __call__(self, payload: Any, caller: Any) -> Any:
        self.calls += 1
        prompt = sum(PER_MESSAGE + len(message["content"]) for message in payload["messages"])
        tokens = len("".join(self.answer)) + self.hidden
        usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
        usage = self.usage or usage
        return self._stream(usage) if payload.get("stream") else completion("".join(self.answer), usage=usage)

    def _stream(self, usage: Any) -> Iterator[dict[str, Any]]:
        for number, piece in enumerate(self.answer):
            self.between(number)
            yield chunk({"content": piece})
        yield chunk(finish_reason="stop")
        yield chunk(choices=[], usage=usage)


@pytest.fixture
def model(configure: Configure) -> Model:
    """Serves the model `small` at a price of one unit per million tokens."""
    model = Model()
    configure(
        BACKENDS={
            "default": {"BACKEND": "threadless.backends.function.FunctionBackend", "OPTIONS": {"function": model}}
        },
        MODELS={"small": {"model": "m", "price": {"prompt": "1", "completion": "1"}}, "unpriced": {"model": "m"}},
        TOKEN_COUNTER=count_letters,
        BUDGET_PROMPT_MARGIN=0,
        BUDGET_OUTPUT_TOKENS=100,
        BUDGET_STEP_TOKENS=64,
        PING_SECONDS=600.0,
    )
    return model


@pytest.fixture
def client(transactional_db: None) -> CompletionClient:
    """A client with a key."""
    return CompletionClient(factories.make_key()[1])


@pytest.fixture
def settled() -> Callable[[], None]:
    """Waits until all calls are settled."""

    def wait() -> None:
        assert wait_for_calls(10)

    return wait
