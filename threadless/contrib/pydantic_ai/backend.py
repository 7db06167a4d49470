"""`PydanticAIBackend`: a model or an agent of Pydantic AI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from pydantic_ai import Agent
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelMessage, ModelRequest
from pydantic_ai.models import Model, infer_model
from pydantic_ai.toolsets import ExternalToolset, FunctionToolset
from pydantic_core import to_json

from threadless.backends.convert import completion_of
from threadless.backends.event_loop import event_loop
from threadless.contrib.bridge import BridgeBackend, BridgedCall, check_names, unsupported
from threadless.contrib.pydantic_ai.answers import AnswerReader
from threadless.contrib.pydantic_ai.asked import REQUEST_FIELDS, Asked
from threadless.contrib.pydantic_ai.messages import messages_of
from threadless.exceptions import InvalidRequest
from threadless.types import ChatRequest, Chunk, JSONObject


class PydanticAIBackend(BridgeBackend):
    """Calls what `function(request, target, caller)` returns: a model, an agent, or `(agent, arguments)`.

    `arguments` are those of `Agent.iter`: `deps`, `usage_limits`, `model`. Tools of the agent run inside it; a call of
    a client's tool ends the run and goes out. Usage is the sum of all requests of the run.
    """

    carried_fields = REQUEST_FIELDS
    carried_parts: ClassVar[frozenset[str]] = frozenset({"text", "refusal", "image_url", "input_audio", "file"})

    def answer(self, call: BridgedCall) -> JSONObject:
        return completion_of(self._chunks(call, is_stream=False))

    def chunks(self, call: BridgedCall) -> Iterator[Chunk]:
        yield from self._chunks(call, is_stream=True)

    def _chunks(self, call: BridgedCall, *, is_stream: bool) -> Iterator[Chunk]:
        made, arguments = call.made if isinstance(call.made, tuple) else (call.made, {})
        if isinstance(made, AbstractAgent):
            source: _Run | _Request = _Run(
                made, dict(arguments), call, self._asked(arguments.get("model") or made.model, call)
            )
        elif isinstance(made, Model) and not arguments:
            source = _Request(made, call, self._asked(made, call))
        else:
            raise ImproperlyConfigured(
                f"Backend {self.alias!r}: the function must return a model, an agent, or an agent and arguments."
            )
        chunks: Any = event_loop.iterate(source.chunks(is_stream=is_stream))
        with closing(chunks):
            yield from chunks

    def _asked(self, model: Any, call: BridgedCall) -> Asked:
        found = infer_model(model) if isinstance(model, str) else model
        return Asked(found, call.fields, call.request.fields, self.drops)


class _Request:
    """One request to a model."""

    def __init__(self, model: Model[Any], call: BridgedCall, asked: Asked) -> None:
        choice = {} if asked.tool_choice is None else {"tool_choice": asked.tool_choice}
        self._model = model
        self._messages = messages_of(call.messages, reasoning_for=model.system if asked.is_openai else None)
        self._options: Any = {
            "model_settings": {**asked.settings(), **choice},
            "model_request_parameters": asked.parameters(),
        }
        self._reader = AnswerReader({tool.name for tool in asked.tools})

    async def chunks(self, *, is_stream: bool) -> AsyncIterator[Chunk]:
        """The answer, in pieces or whole."""
        if is_stream:
            async with model_request_stream(self._model, self._messages, **self._options) as events:
                async for event in events:
                    for chunk in self._reader.event(event):
                        yield chunk
                response = events.get()
        else:
            response = await model_request(self._model, self._messages, **self._options)
            for chunk in self._reader.whole(response):
                yield chunk
        for chunk in self._reader.end(response, response.usage):
            yield chunk
        yield self._reader.last()


class _Run:
    """One run of an agent. It ends where the client must act, before tools that were called at the same time run."""

    def __init__(self, agent: AbstractAgent[Any, Any], arguments: JSONObject, call: BridgedCall, asked: Asked) -> None:
        check_names(call.request, _names_of(agent))
        self._agent, self._asked, self._arguments = agent, asked, arguments
        self._history = _history(call.messages)
        self._is_text = (arguments.get("output_type") or agent.output_type) is str
        options: JSONObject = {"model_settings": self._settings(asked, arguments.get("model_settings"))}
        options["metadata"] = _metadata(call.request, arguments.get("metadata"))
        if asked.has_format and not self._is_text:
            raise unsupported("response_format")  # the host has chosen the form of this agent's answers
        if (output := asked.output()) is not None:
            options["output_type"] = output
        if asked.tools and asked.tool_choice != "none":
            options["toolsets"] = [*(arguments.get("toolsets") or ()), ExternalToolset(asked.tools)]
        self._options: Any = {**arguments, **options}
        self._reader = AnswerReader({tool.name for tool in asked.tools}, shows_text=self._is_text)

    async def chunks(self, *, is_stream: bool) -> AsyncIterator[Chunk]:
        """The answer of the agent."""
        history = await self._with_system_prompts()
        async with self._agent.iter(message_history=history, **self._options) as run:
            async for node in run:
                async for chunk in self._node(run, node, is_stream=is_stream):
                    yield chunk
                if self._reader.is_over:
                    break
            if run.result is not None and not self._is_text:
                output = run.result.output
                yield self._reader.said(output if isinstance(output, str) else to_json(output).decode())
        yield self._reader.last()

    async def _node(self, run: Any, node: Any, *, is_stream: bool) -> AsyncIterator[Chunk]:
        """What one step of the run says: a request to the model, or its response before its tools run."""
        if is_stream and Agent.is_model_request_node(node):
            stream: Any = node.stream(run.ctx)
            async with stream as events:
                async for event in events:
                    for chunk in self._reader.event(event):
                        yield chunk
        elif Agent.is_call_tools_node(node):
            for chunk in () if is_stream else self._reader.whole(node.model_response):
                yield chunk
            for chunk in self._reader.end(node.model_response, run.usage):
                yield chunk

    def _settings(self, asked: Asked, given: Any) -> Any:
        """A function, because a choice holds for the first request only: with it, the agent could never answer."""
        own, choice = asked.settings(for_run=True), asked.tool_choice
        if choice == "required":
            choice = [tool.name for tool in asked.tools]

        def settings(context: Any) -> Any:
            found = {**((given(context) if callable(given) else given) or {}), **own}
            is_first = context.run_step <= 1
            return {**found, "tool_choice": choice} if is_first and isinstance(choice, list) else found

        return settings

    async def _with_system_prompts(self) -> list[ModelMessage]:
        """The conversation after the agent's own system prompts, which it would leave out before a history."""
        known = {name: self._arguments[name] for name in ("deps", "model") if name in self._arguments}
        parts = await self._agent.system_prompt_parts(**known)
        first, *others = self._history
        if not parts or not isinstance(first, ModelRequest):
            return self._history
        return [replace(first, parts=[*parts, *first.parts]), *others]


def _history(messages: list[JSONObject]) -> list[ModelMessage]:
    if messages[-1]["role"] == "assistant":
        raise InvalidRequest("An agent cannot continue a message of the assistant.", param="messages")
    return messages_of(messages)


def _metadata(request: ChatRequest, given: Any) -> Any:
    """The metadata of the run: the client's `user` and `metadata`, our request id, and the host's own."""
    sent = {"user": request.get("user"), **(request.get("metadata") or {})}
    known = {"request_id": request.request_id, **{name: value for name, value in sent.items() if value}}
    if callable(given):
        return lambda context: {**known, **(given(context) or {})}
    return {**known, **(given or {})}


def _names_of(agent: AbstractAgent[Any, Any]) -> set[str]:
    """The names of the agent's own functions. Those of an MCP server are known only during the run."""
    return {name for toolset in agent.toolsets if isinstance(toolset, FunctionToolset) for name in toolset.tools}
