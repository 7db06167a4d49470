"""Agents that use their own tools within one call, on uvicorn, with all that the client has said before."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django_ai_assistant.models import Message, Thread
from pytest_django import Settings

from tests.bridges import scripts
from tests.hosts.agents.library import integration
from tests.support import factories
from tests.support.bodies import chunk, completion
from tests.support.upstream import Exchange, ScriptedUpstream
from threadless.calls.running import wait_for_calls
from threadless.models import UsageRecord
from threadless.testing.conformance.installation import Installation

BOTH: Final = pytest.mark.parametrize("agent", ["librarian", "researcher"])
HISTORY: Final = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello, Ada."},
    {"role": "user", "content": "Where is Emma?"},
]


def look_it_up(exchange: Exchange) -> None:
    """Use the agent's tool, then say what it found."""
    results = [message["content"] for message in exchange.body["messages"] if message["role"] == "tool"]
    if results:
        scripts.say(exchange, results[-1])
        return
    call = {"id": "c1", "type": "function", "function": {"name": "shelf", "arguments": json.dumps({"book": "Emma"})}}
    if exchange.body.get("stream"):
        begun = chunk({"tool_calls": [{**call, "index": 0}]})
        exchange.stream(begun, chunk(finish_reason="tool_calls"), chunk(choices=[], usage=scripts.USAGE))
        return
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    exchange.answer(completion(choices=[choice], usage=scripts.USAGE))


@pytest.fixture
def upstream(settings: Settings) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as server:
        settings.LLM_URL = server.base_url
        server.script(look_it_up)
        yield server


@pytest.fixture
def ask(upstream: ScriptedUpstream, url: str) -> Any:
    """Sends a conversation to an agent."""
    installation = Installation(url, factories.make_key(user=factories.make_user("ada"))[1], "")
    return installation.ask


def text_of(answer: Any) -> str:
    assert answer.status == 200, answer.content
    if not answer.headers["Content-Type"].startswith("text/event-stream"):
        return str(answer.body["choices"][0]["message"]["content"])
    choices = [choice for event in answer.events[:-1] for choice in event["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@BOTH
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_agent_uses_its_tool_and_is_one_call(ask: Any, agent: str, is_stream: bool) -> None:
    answer = ask(model=agent, messages=HISTORY, stream=is_stream)
    assert text_of(answer) == "Emma stands on the shelf of ada."
    assert wait_for_calls(10)
    row = UsageRecord.objects.get()
    assert (row.state, row.target_kind, row.prompt_tokens) == ("completed", "agent", 40)


@BOTH
def test_upstream_sees_instructions_and_the_whole_conversation(
    ask: Any, upstream: ScriptedUpstream, agent: str
) -> None:
    ask(model=agent, messages=HISTORY)
    messages = upstream.exchanges[0].body["messages"]
    assert [message["content"] for message in messages] == [
        "You know where every book stands.",
        *(message["content"] for message in HISTORY),
    ]


def test_assistant_stores_nothing(ask: Any) -> None:
    ask(model="librarian", messages=HISTORY)
    assert not Thread.objects.exists()
    assert not Message.objects.exists()


@BOTH
def test_tool_of_the_client_goes_out(ask: Any, upstream: ScriptedUpstream, agent: str) -> None:
    upstream.script(scripts.call_both_tools)
    answer = ask(model=agent, messages=HISTORY, tools=scripts.TOOLS)
    assert answer.status == 200, answer.content
    calls = answer.body["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["weather", "time"]


def test_manual_shows_the_function_of_the_assistant() -> None:
    manual = (Path(__file__).resolve().parents[3] / "docs" / "packages.md").read_text()
    found = re.search(r"^def assistant.*?^    return graph.compile\(\)$", manual, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert without_docstring(inspect.getsource(integration.assistant)) == found[0]


def without_docstring(source: str) -> str:
    return re.sub(r'^ +""".*?"""\n', "", source, flags=re.MULTILINE).strip()
