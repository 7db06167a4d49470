"""Agents of Pydantic AI behind the bridge: their own tools run inside, a client's tools go out."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.test import TestModel

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.bridges.makers import pydantic_ai_agent, pydantic_ai_model
from tests.bridges.scripts import call, look_up, play
from tests.support.bodies import chunk, completion
from tests.support.upstream import Exchange
from threadless.calls.running import wait_for_calls

BACKEND = "threadless.contrib.pydantic_ai.PydanticAIBackend"
both_forms = pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])


class Library:
    """A host whose agent has a tool, a system prompt and instructions. `runs` are the books that it looked up."""

    def __init__(self, platform: Platform, **options: Any) -> None:
        self.runs: list[str] = []
        model = pydantic_ai_model(platform.upstream.base_url)(None, _Named, None)
        self.agent: Agent[str, Any] = Agent(
            model, deps_type=str, system_prompt="You work in a library.", instructions="Be brief.", **options
        )

        @self.agent.tool
        def shelf(context: RunContext[str], book: str) -> str:
            """Where a book stands."""
            self.runs.append(book)
            return f"{book} stands on shelf {context.deps}"

    def __call__(self, request: Any, target: Any, caller: Any) -> Any:
        return self.agent, {"deps": "7"}


class _Named:
    model = "upstream-small"


@pytest.fixture
def library(platform: Platform) -> Library:
    """A platform that answers by this agent."""
    library = Library(platform)
    platform.use(BACKEND, function=library)
    return library


def said(platform: Platform, is_stream: bool, *args: Any, **fields: Any) -> tuple[str, str, str]:
    """Text, finish reason, and everything that was sent."""
    if is_stream:
        events = platform.stream(*args, **fields)
        return events.text, str(events.finish_reason), json.dumps(events.chunks)
    body = platform.ask(*args, **fields)
    choice = body["choices"][0]
    return choice["message"]["content"] or "", choice["finish_reason"], json.dumps(body)


@both_forms
def test_tool_of_the_agent_runs_inside_and_is_not_shown(platform: Platform, library: Library, is_stream: bool) -> None:
    platform.upstream.script(look_up)
    text, reason, sent = said(platform, is_stream, "Where is Emma?")
    assert (text, reason) == ("Let me see.\n\nEmma stands on shelf 7", "stop")
    assert library.runs == ["Emma"]
    assert "tool_calls" not in sent


@both_forms
def test_usage_is_the_sum_over_the_rounds(platform: Platform, library: Library, is_stream: bool) -> None:
    platform.upstream.script(look_up)
    said(platform, is_stream)
    row = platform.row
    assert (row.prompt_tokens, row.completion_tokens) == (40, 20)
    assert (row.cached_tokens, row.reasoning_tokens, row.usage_source) == (16, 8, "upstream")


@both_forms
def test_tool_of_the_client_goes_out_and_ends_the_run(platform: Platform, library: Library, is_stream: bool) -> None:
    platform.upstream.script(lambda exchange: play(exchange, call("shelf", book="Emma"), call("weather", place="Oslo")))
    _, reason, sent = said(platform, is_stream, tools=scripts.TOOLS)
    assert "call_weather" in sent
    assert "call_shelf" not in sent
    assert (reason, library.runs, len(platform.upstream.exchanges)) == ("tool_calls", [], 1)


def test_answer_of_the_client_to_its_tools_continues(platform: Platform, library: Library) -> None:
    platform.upstream.script(scripts.call_both_tools)
    question = {"role": "user", "content": "Oslo?"}
    message = platform.ask([question], tools=scripts.TOOLS)["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "x"} for each in message["tool_calls"]]
    answer = platform.ask([question, message, *results], tools=scripts.TOOLS)
    assert answer["choices"][0]["message"]["content"] == "x and x"


def test_own_prompts_of_the_agent_come_before_those_of_the_client(platform: Platform, library: Library) -> None:
    platform.ask([{"role": "system", "content": "Speak Norwegian."}, {"role": "user", "content": "Hello"}])
    sent = [(each["role"], each["content"]) for each in platform.upstream.exchanges[0].body["messages"]]
    assert sorted(sent[:-1]) == [
        ("system", "Be brief."),
        ("system", "Speak Norwegian."),
        ("system", "You work in a library."),
    ]
    assert sent.index(("system", "You work in a library.")) < sent.index(("system", "Speak Norwegian."))
    assert sent[-1] == ("user", "Hello")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_tool_choice_of_the_client_holds_for_its_tools(platform: Platform, library: Library, choice: Any) -> None:
    platform.upstream.script(lambda exchange: play(exchange, call("weather", place="Oslo")))
    platform.ask(tools=[scripts.tool("weather")], tool_choice=choice)
    named = {"type": "function", "function": {"name": "weather"}}
    assert platform.upstream.exchanges[0].body["tool_choice"] == named


def test_agent_that_may_call_no_tool_of_the_client_does_not_learn_of_them(platform: Platform, library: Library) -> None:
    platform.upstream.script(scripts.say)
    platform.ask(tools=scripts.TOOLS, tool_choice="none")
    assert [each["function"]["name"] for each in platform.upstream.exchanges[0].body["tools"]] == ["shelf"]


def test_client_may_not_take_the_name_of_a_tool_of_the_agent(platform: Platform, library: Library) -> None:
    status, error, _ = platform.refuse(tools=[scripts.tool("weather"), scripts.tool("shelf")])
    assert (status, error["param"]) == (400, "tools[1].function.name")
    assert platform.upstream.exchanges == []


def test_agent_does_not_continue_a_message_of_the_assistant(platform: Platform, library: Library) -> None:
    status, error, _ = platform.refuse([{"role": "assistant", "content": "It is"}])
    assert (status, error["param"]) == (400, "messages")


def test_run_ends_when_the_client_leaves(platform: Platform, library: Library) -> None:
    may_answer = threading.Event()

    def play_slowly(exchange: Exchange) -> None:
        exchange.start()
        exchange.event(chunk({"content": "Let me see."}))
        may_answer.wait(10)

    platform.upstream.script(play_slowly)
    response = platform.client.complete("small", "Where is Emma?", stream=True)
    assert b"Let me see" in next(iter(response.streaming_content))
    response.close()
    may_answer.set()
    assert wait_for_calls(8)
    assert (platform.row.state, library.runs, len(platform.upstream.exchanges)) == ("cancelled", [], 1)


class Book(BaseModel):
    title: str


@both_forms
def test_agent_with_a_form_answers_in_json(platform: Platform, is_stream: bool) -> None:
    platform.use(BACKEND, function=Library(platform, output_type=Book))
    platform.upstream.script(lambda exchange: play(exchange, call("final_result", title="Emma"), text="Here it is."))
    text, reason, _ = said(platform, is_stream)
    assert (json.loads(text), reason) == ({"title": "Emma"}, "stop")


def test_client_cannot_change_the_form_of_an_agent(platform: Platform) -> None:
    platform.use(BACKEND, function=Library(platform, output_type=Book))
    status, error, _ = platform.refuse(response_format=scripts.SCHEMA)
    assert (status, error["param"]) == (400, "response_format")


@both_forms
def test_answer_that_was_cut_off_says_so(platform: Platform, library: Library, is_stream: bool) -> None:
    platform.upstream.script(lambda exchange: scripts.say(exchange, finish_reason="length"))
    assert said(platform, is_stream)[:2] == ("Hello there", "length")


@pytest.mark.parametrize("maker", [pydantic_ai_model, pydantic_ai_agent])
@both_forms
def test_reasoning_goes_out_beside_the_text(platform: Platform, maker: Any, is_stream: bool) -> None:
    def think(exchange: Exchange) -> None:
        if is_stream:
            thought, text = chunk({"reasoning_content": "Hm."}), chunk({"content": "Yes."})
            exchange.stream(thought, text, chunk(finish_reason="stop"))
        else:
            message = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
            exchange.answer(completion(choices=[{"index": 0, "message": message, "finish_reason": "stop"}]))

    platform.use(BACKEND, function=maker(platform.upstream.base_url))
    platform.upstream.script(think)
    text, _, sent = said(platform, is_stream)
    assert (text, '"reasoning_content": "Hm."' in sent) == ("Yes.", True)


def test_reasoning_of_an_earlier_turn_is_sent_in_its_own_field(platform: Platform) -> None:
    platform.use(BACKEND, function=pydantic_ai_model(platform.upstream.base_url))
    earlier = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    platform.ask([{"role": "user", "content": "So?"}, earlier, {"role": "user", "content": "And?"}])
    sent = platform.upstream.exchanges[0].body["messages"][1]
    assert (sent["content"], sent["reasoning_content"]) == ("Yes.", "Hm.")


def test_fields_that_only_an_api_of_openai_has_are_sent_there(platform: Platform) -> None:
    platform.use(BACKEND, function=pydantic_ai_model(platform.upstream.base_url))
    platform.ask(user="u7", metadata={"a": "b"}, reasoning_effort="low", stop="END", verbosity="low")
    sent = platform.upstream.exchanges[0].body
    assert {name: sent[name] for name in ("user", "metadata", "reasoning_effort", "stop", "verbosity")} == {
        "user": "u7",
        "metadata": {"a": "b"},
        "reasoning_effort": "low",
        "stop": ["END"],
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("field", "value"), [("verbosity", "low"), ("service_tier", "scale"), ("response_format", {"type": "json_object"})]
)
def test_field_that_the_model_does_not_take_is_refused_by_name(platform: Platform, field: str, value: Any) -> None:
    platform.use(BACKEND, function=lambda request, target, caller: TestModel())
    status, error, _ = platform.refuse(**{field: value})
    assert (status, error["param"]) == (400, field)


def test_model_of_another_vendor_answers_in_the_form_that_was_asked_for(platform: Platform) -> None:
    model = TestModel(custom_output_text='{"city": "Oslo"}', profile={"supports_json_schema_output": True})
    platform.use(BACKEND, function=lambda request, target, caller: Agent(model))
    assert json.loads(said(platform, False, response_format=scripts.SCHEMA)[0]) == {"city": "Oslo"}


def test_metadata_of_the_client_reaches_the_run(platform: Platform) -> None:
    known: list[Any] = []
    agent = Agent(TestModel())

    @agent.instructions
    def note(context: RunContext[Any]) -> str:
        known.append(context.metadata)
        return ""

    platform.use(BACKEND, function=lambda request, target, caller: (agent, {"metadata": {"team": "blue"}}))
    platform.ask(user="u7", metadata={"a": "b"})
    assert known[0].items() >= {"user": "u7", "a": "b", "team": "blue"}.items()


FAULTY_PARTS = [
    ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[0].file.file_id"),
    ({"type": "image_url", "image_url": {"url": "data:image/png,x"}}, "messages[0].content[0].image_url.url"),
]


@pytest.mark.parametrize(("part", "path"), FAULTY_PARTS)
def test_part_that_pydantic_ai_cannot_express_is_refused_by_its_path(platform: Platform, part: Any, path: str) -> None:
    platform.use(BACKEND, function=lambda request, target, caller: TestModel())
    status, error, _ = platform.refuse([{"role": "user", "content": [part]}])
    assert (status, error["param"]) == (400, path)


def test_function_that_returns_something_else_is_a_mistake_of_the_host(platform: Platform) -> None:
    platform.use(BACKEND, function=lambda request, target, caller: "gpt-4.1")
    assert platform.refuse()[0] == 500
