"""LangChain as a client: a tool bound, called, answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.support.serving import Host, Server
from tests.support.upstream import ScriptedUpstream
from tests.wire.sdk_scripts import weather


@tool
def get_weather(place: str) -> str:
    """The weather of a place."""
    return f"cold in {place}"


@pytest.fixture
def http_client() -> Iterator[httpx.Client]:
    """Closed after the test. LangChain's own stays open, and a server that stops waits for its connection."""
    with httpx.Client() as client:
        yield client


@pytest.mark.parametrize("streaming", [True, False])
def test_bind_tools_loop_ends_with_the_answer(
    any_server: Server, host: Host, upstream: ScriptedUpstream, http_client: httpx.Client, streaming: bool
) -> None:
    upstream.script(weather)
    chat = ChatOpenAI(
        model="small",
        base_url=f"{any_server.base_url}/api/v1",
        api_key=SecretStr(host.key),
        http_client=http_client,
        streaming=streaming,
        max_retries=0,
    )
    model: Any = chat.bind_tools([get_weather])
    history: list[Any] = [HumanMessage("How is the weather in Oslo?")]
    answer = model.invoke(history)
    while answer.tool_calls:
        results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]
        history += [answer, *results]
        answer = model.invoke(history)
    assert answer.content == "It is cold in Oslo."
    assert len(upstream.exchanges) == 2
