"""Answers calls by a LangGraph graph whose state holds `messages`. Needs `langgraph`.

The tools of the graph run inside it. A call of a client's tool ends the graph and goes out to the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.pregel import Pregel

from threadless.backends.convert import completion_of
from threadless.backends.lifetime import current
from threadless.contrib.bridge import BridgeBackend, BridgedCall, check_names
from threadless.contrib.langchain.answers import AnswerReader, reason_of, usage_of
from threadless.contrib.langchain.backend import with_metadata
from threadless.contrib.langchain.messages import messages_of
from threadless.exceptions import UpstreamError
from threadless.types import ChatRequest, Chunk, JSONObject

_HISTORY: Final = "history-"
_NEW_TEXT: Final = "\n\n"
"""Between what the model says before and after a call of the graph's own tools."""


def client_tools(request: ChatRequest, *, beside: Iterable[BaseTool] = ()) -> list[BaseTool]:
    """The client's tools, for the model of a graph that also has the tools `beside`. They never run.

    With them, the option `reads` of the backend must contain "tools". Raises `InvalidRequest` if a name is taken.
    """
    check_names(request, {tool.name for tool in beside})
    return [_client_tool(tool) for tool in request.get("tools") or () if tool.get("type") == "function"]


class LangGraphBackend(BridgeBackend):
    """Runs the graph that `function(request, target, caller)` returns: alone, `(graph, config)` or with a state.

    The graph starts with the conversation as `messages`, and `(graph, config, state)` adds further values to its state.
    What the models of all nodes say is the answer, except models with the tag "nostream". Usage is the sum of all
    models' calls. If the client leaves, the graph ends at the next token, tool or step.
    """

    carried_fields = frozenset({"user", "metadata"})
    carried_parts = frozenset({"text", "refusal", "image_url", "input_audio", "file"})

    def answer(self, call: BridgedCall) -> JSONObject:
        return completion_of(self._chunks(call, ["updates"]))

    def chunks(self, call: BridgedCall) -> Iterator[Chunk]:
        yield from self._chunks(call, ["messages", "updates"])

    def _chunks(self, call: BridgedCall, modes: list[Any]) -> Iterator[Chunk]:
        graph, config, state = self._made(call)
        names = _client_names(call.request, graph)
        watcher, reader = _Watcher(), _Reader(names)
        run: RunnableConfig = with_metadata(config, call)
        run["callbacks"] = [*_handlers(run), watcher]
        history = messages_of(call.messages)
        for index, message in enumerate(history):  # so that a node that returns the whole list says nothing twice
            message.id = f"{_HISTORY}{index}"
        steps: Any = graph.stream({**state, "messages": history}, run, stream_mode=modes)
        with closing(steps):
            for mode, item in steps:
                watcher.check()
                for chunk in reader.chunks(mode, item):
                    yield chunk | watcher.new_usage()
                if reader.has_client_calls:
                    break
        if not reader.has_answer:
            raise UpstreamError("The graph gave no answer.")
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": reader.reason}]} | watcher.new_usage()

    def _made(self, call: BridgedCall) -> tuple[Pregel[Any, Any, Any, Any], RunnableConfig | None, JSONObject]:
        made = call.made if isinstance(call.made, tuple) else (call.made,)
        graph, config, state = (*made, None, None)[:3]
        if not isinstance(graph, Pregel):
            raise ImproperlyConfigured(f"Backend {self.alias!r}: the function must return a compiled graph.")
        return graph, config, state or {}


class _Watcher(BaseCallbackHandler):
    """Sums the usage of every model in the graph, and stops the graph when its call is over."""

    raise_error = True
    run_inline = True

    def __init__(self) -> None:
        self._lifetime = current()
        self._usage: UsageMetadata | None = None
        self._told: UsageMetadata | None = None

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Raise if the call is over."""
        if self._lifetime is not None:
            self._lifetime.check()

    on_chat_model_start = on_llm_new_token = on_tool_start = check

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Add the usage of one model call."""
        for generation in response.generations[0][:1]:
            usage = getattr(getattr(generation, "message", None), "usage_metadata", None)
            if usage:
                self._usage = add_usage(self._usage, usage)

    def new_usage(self) -> JSONObject:
        """The sum so far, if it has changed."""
        if self._usage is None or self._usage is self._told:
            return {}
        self._told = self._usage
        return {"usage": usage_of(self._usage)}


class _Reader:
    """Reads what the graph emits: tokens of its models (`messages`) and what each step adds (`updates`)."""

    def __init__(self, client_names: frozenset[str]) -> None:
        self._names = client_names
        self._reader = AnswerReader()
        self._said_ids: set[str] = set()
        self._speaker = ""
        self._indexes: dict[tuple[str, Any], bool] = {}
        """Message and index of a call → whether it is of a client's tool."""
        self.has_answer = False
        self.has_client_calls = False
        self.reason = "stop"

    def chunks(self, mode: str, item: Any) -> Iterator[Chunk]:
        if mode == "messages":
            message, metadata = item
            if isinstance(message, AIMessage) and "nostream" not in (metadata.get("tags") or ()):
                yield from self._said(message)
            return
        for message in _messages_in(item):
            if message.id is None or message.id not in self._said_ids:
                yield from self._said(message)
            self._end(message)

    def _said(self, message: AIMessage) -> Iterator[Chunk]:
        chunk = self._reader.chunk(message)
        self._said_ids.add(message.id or "")
        for choice in (chunk or {}).get("choices", ()):
            delta = choice["delta"]
            calls = [call for call in delta.pop("tool_calls", ()) if self._is_for_client(call, message)]
            if calls:
                delta["tool_calls"] = calls
            if not delta:
                continue
            self._separate(delta, message)
            self.has_answer = True
            yield {**(chunk or {}), "choices": [{**choice, "finish_reason": None}]}

    def _is_for_client(self, call: JSONObject, message: AIMessage) -> bool:
        """Only the first piece of a call has its name."""
        key = (message.id or "", call.get("index"))
        name = call["function"].get("name")
        if name:
            self._indexes[key] = name in self._names
        return self._indexes.get(key, False)

    def _separate(self, delta: JSONObject, message: AIMessage) -> None:
        """Begin a new paragraph where another message of the model begins."""
        speaker = message.id or ""
        if delta.get("content"):
            if self._speaker and speaker != self._speaker:
                delta["content"] = _NEW_TEXT + delta["content"]
            self._speaker = speaker

    def _end(self, message: AIMessage) -> None:
        self.has_client_calls = any(call["name"] in self._names for call in message.tool_calls)
        self.reason = "tool_calls" if self.has_client_calls else reason_of(message) or "stop"


def _client_tool(tool: JSONObject) -> BaseTool:
    function = tool["function"]

    def run(**_: Any) -> str:
        raise AssertionError("A client's tool does not run here.")

    return StructuredTool(
        name=function["name"],
        description=function.get("description") or function["name"],
        args_schema=function.get("parameters") or {"type": "object", "properties": {}},
        func=run,
        metadata={"is_client_tool": True},
    )


def _client_names(request: ChatRequest, graph: Pregel[Any, Any, Any, Any]) -> frozenset[str]:
    """The names of the client's tools, none of which may be a tool of the graph."""
    tools = [tool for node in graph.nodes.values() for tool in getattr(node.bound, "tools_by_name", {}).values()]
    check_names(request, {tool.name for tool in tools if not (tool.metadata or {}).get("is_client_tool")})
    return frozenset((tool.get("function") or {}).get("name", "") for tool in request.get("tools") or ())


def _handlers(config: RunnableConfig) -> list[BaseCallbackHandler]:
    callbacks = config.get("callbacks") or []
    return list(callbacks if isinstance(callbacks, list) else callbacks.handlers)


def _messages_in(update: JSONObject) -> Iterator[AIMessage]:
    """The model's messages among what each node adds to the state."""
    for added in update.values():
        messages = added.get("messages") if isinstance(added, dict) else None
        items = messages if isinstance(messages, list) else [messages] if messages else []
        for message in convert_to_messages(items):
            if isinstance(message, AIMessage) and not str(message.id).startswith(_HISTORY):
                yield message
