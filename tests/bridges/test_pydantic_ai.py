"""An agent of Pydantic AI behind a host's own asynchronous function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.support.upstream import UPSTREAM_KEY
from threadless.backends.event_loop import event_loop


@pytest.fixture
def agents(platform: Platform) -> Iterator[Platform]:
    """A platform that answers by an agent."""
    client = openai.AsyncOpenAI(base_url=platform.upstream.base_url, api_key=UPSTREAM_KEY)
    provider = OpenAIProvider(openai_client=client)
    agent = Agent(OpenAIChatModel("upstream-small", provider=provider))

    async def answer(payload: Any, caller: Any) -> str:
        result = await agent.run(payload["messages"][-1]["content"])
        return result.output

    platform.use("threadless.backends.function.FunctionBackend", function=answer)
    yield platform
    event_loop.run(client.close())


def test_agent_answers_several_calls_with_one_client(agents: Platform) -> None:
    agents.upstream.script(scripts.say)
    texts = [agents.ask()["choices"][0]["message"]["content"] for _ in range(2)]
    assert texts == ["Hello there", "Hello there"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, (400, "context_length_exceeded")),
        (401, (502, "upstream_error")),
        (503, (503, "upstream_unavailable")),
    ],
)
def test_exception_of_an_agent_is_translated(agents: Platform, status: int, expected: tuple[int, str]) -> None:
    error = {"message": "No.", "type": "invalid_request_error", "code": "context_length_exceeded"}
    headers = {"x-should-retry": "false"}
    agents.upstream.script(lambda exchange: exchange.answer({"error": error}, status, headers))
    found, body, _ = agents.refuse()
    assert (found, body["code"]) == expected


def test_rate_limit_of_an_agent_keeps_its_time_to_wait(agents: Platform) -> None:
    headers = {"x-should-retry": "false", "retry-after": "17"}
    agents.upstream.script(lambda exchange: exchange.answer({"error": {"message": "Slow"}}, 429, headers))
    status, _, given = agents.refuse()
    assert (status, given["Retry-After"]) == (429, "17")
