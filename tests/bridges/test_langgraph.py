"""Graphs: their own tools run inside, a client's tools go out, and the whole loop is one call."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.graph import END, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.bridges.makers import langchain
from tests.bridges.scripts import call, look_up, play
from tests.support.bodies import chunk
from tests.support.upstream import Exchange
from threadless.calls.running import wait_for_calls
from threadless.contrib.langchain import REQUEST_FIELDS, bind_request
from threadless.contrib.langgraph import client_tools

BACKEND = "threadless.contrib.langgraph.LangGraphBackend"
runs: list[str] = []


@tool
def shelf(book: str) -> str:
    """Where a book stands."""
    runs.append(book)
    return f"{book} stands on shelf 7"


@pytest.fixture(autouse=True)
def no_runs() -> None:
    """Forget the runs of earlier tests."""
    runs.clear()


class Library:
    """A host whose graph asks its model, runs its own tool, and asks again."""

    def __init__(self, platform: Platform) -> None:
        self._model = langchain(platform.upstream.base_url)

    def __call__(self, request: Any, target: Any, caller: Any) -> Any:
        model = bind_request(self._model(request, target, caller), request, target, tools=[shelf])
        graph: Any = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode([shelf, *client_tools(request, beside=[shelf])]))
        graph.set_entry_point("model")
        graph.add_conditional_edges("model", tools_condition, {"tools": "tools", END: END})
        graph.add_edge("tools", "model")
        return graph.compile()


@pytest.fixture
def library(platform: Platform) -> Platform:
    """A platform that answers by this graph."""
    platform.use(BACKEND, function=Library(platform), reads=REQUEST_FIELDS)
    return platform


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_tool_of_the_graph_runs_inside_and_is_not_shown(library: Platform, is_stream: bool) -> None:
    library.upstream.script(look_up)
    if is_stream:
        events = library.stream("Where is Emma?")
        text, sent = events.text, json.dumps(events.chunks)
    else:
        body = library.ask("Where is Emma?")
        text, sent = body["choices"][0]["message"]["content"], json.dumps(body)
    assert text == "Let me see.\n\nEmma stands on shelf 7"
    assert runs == ["Emma"]
    assert "tool_calls" not in sent


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_usage_is_the_sum_over_the_rounds(library: Platform, is_stream: bool) -> None:
    library.upstream.script(look_up)
    if is_stream:
        library.stream()
    else:
        library.ask()
    row = library.row
    assert (row.prompt_tokens, row.completion_tokens) == (40, 20)
    assert (row.cached_tokens, row.reasoning_tokens, row.usage_source) == (16, 8, "upstream")


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_tool_of_the_client_goes_out_and_ends_the_graph(library: Platform, is_stream: bool) -> None:
    library.upstream.script(lambda exchange: play(exchange, call("shelf", book="Emma"), call("weather", place="Oslo")))
    if is_stream:
        events = library.stream(tools=scripts.TOOLS)
        deltas = [choice["delta"] for each in events.chunks for choice in each["choices"]]
        calls = [piece for delta in deltas for piece in delta.get("tool_calls", ())]
        reason = events.finish_reason
    else:
        choice = library.ask(tools=scripts.TOOLS)["choices"][0]
        calls, reason = choice["message"]["tool_calls"], choice["finish_reason"]
    assert [each["function"]["name"] for each in calls] == ["weather"]
    assert (reason, runs, len(library.upstream.exchanges)) == ("tool_calls", [], 1)


def test_answer_of_the_client_to_its_tool_continues_the_graph(library: Platform) -> None:
    library.upstream.script(scripts.call_both_tools)
    question = {"role": "user", "content": "Oslo?"}
    message = library.ask([question], tools=scripts.TOOLS)["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "x"} for each in message["tool_calls"]]
    answer = library.ask([question, message, *results], tools=scripts.TOOLS)
    assert answer["choices"][0]["message"]["content"] == "x and x"


def test_client_may_not_take_the_name_of_a_tool_of_the_graph(library: Platform) -> None:
    status, error, _ = library.refuse(tools=[scripts.tool("weather"), scripts.tool("shelf")])
    assert (status, error["param"]) == (400, "tools[1].function.name")
    assert library.upstream.exchanges == []


def test_graph_that_does_not_read_tools_refuses_them(platform: Platform) -> None:
    platform.use(BACKEND, function=Library(platform))
    status, error, _ = platform.refuse(tools=scripts.TOOLS)
    assert (status, error["param"]) == (400, "tools")


def test_loop_ends_when_the_client_leaves(library: Platform) -> None:
    may_answer = threading.Event()

    def play_slowly(exchange: Exchange) -> None:
        if len(library.upstream.exchanges) == 1:
            exchange.start()
            exchange.event(chunk({"content": "Let me see."}))
            may_answer.wait(10)
            exchange.event(chunk({"tool_calls": [{**call("shelf", book="Emma"), "index": 0}]}))
            exchange.event(chunk(finish_reason="tool_calls"))
            exchange.chunk(b"data: [DONE]\n\n")
            exchange.end()
        else:
            look_up(exchange)

    library.upstream.script(play_slowly)
    response = library.client.complete("small", "Where is Emma?", stream=True)
    assert b"Let me see" in next(iter(response.streaming_content))
    response.close()
    may_answer.set()
    assert wait_for_calls(8)
    assert (library.row.state, runs, len(library.upstream.exchanges)) == ("cancelled", [], 1)


def test_further_state_and_config_reach_the_graph(platform: Platform) -> None:
    class State(MessagesState):
        team: str

    def make(request: Any, target: Any, caller: Any) -> Any:
        graph: Any = StateGraph(State)

        def node(state: Any, config: RunnableConfig) -> Any:
            said = f"{state['team']} {config['metadata']['user']} {config['configurable']['x']}"
            return {"messages": [("ai", said)]}

        graph.add_node("node", node)
        graph.set_entry_point("node")
        return graph.compile(), {"configurable": {"x": 1}}, {"team": "blue"}

    platform.use(BACKEND, function=make)
    assert platform.stream(user="u7").text == "blue u7 1"


def test_model_that_is_tagged_nostream_is_counted_but_not_shown(platform: Platform) -> None:
    def make(request: Any, target: Any, caller: Any) -> Any:
        model = bind_request(langchain(platform.upstream.base_url)(request, target, caller), request, target)
        graph: Any = StateGraph(MessagesState)

        def node(state: Any) -> Any:
            model.with_config(tags=["nostream"]).invoke("Is it allowed?")
            return {"messages": [model.invoke(state["messages"])]}

        graph.add_node("node", node)
        graph.set_entry_point("node")
        return graph.compile()

    platform.use(BACKEND, function=make)
    platform.upstream.script(scripts.say)
    assert platform.stream().text == "Hello there"
    assert platform.row.prompt_tokens == 40
