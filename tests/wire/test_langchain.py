"""LangChain as a client: a tool bound, called, answered."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize("streaming", [True, False])
def test_bind_tools_loop_ends_with_the_answer(
    any_server: Server, host: Host, upstream: ScriptedUpstream, streaming: bool
) -> None:
    upstream.script(weather)
    model: Any = ChatOpenAI(
        model="small",
        base_url=f"{any_server.base_url}/api/v1",
        api_key=SecretStr(host.key),
        streaming=streaming,
        max_retries=0,
    )
    history: list[Any] = [HumanMessage("How is the weather in Oslo?")]
    answer = model.bind_tools([get_weather]).invoke(history)
    while answer.tool_calls:
        history += [
            answer,
            *(ToolMessage(get_weather.invoke(c["args"]), tool_call_id=c["id"]) for c in answer.tool_calls),
        ]
        answer = model.bind_tools([get_weather]).invoke(history)
    assert answer.content == "It is cold in Oslo."
    assert len(upstream.exchanges) == 2
