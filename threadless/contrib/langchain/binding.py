"""Binds the fields of a request to a LangChain chat model: tools, response format and parameters.

LangChain has one interface for messages and tools, but parameters are keyword arguments of each vendor's API.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.utils.function_calling import convert_to_openai_tool

from threadless.contrib.bridge import check_names, fields_of, unsupported
from threadless.encoding import encode
from threadless.exceptions import InvalidRequest
from threadless.types import ChatRequest, JSONObject, JSONValue, Target

_COMMON: Final = ("temperature", "top_p", "stop")
"""What every vendor's model accepts, beside the limit of the output."""
_LIMIT_NAMES: Final = {
    "ChatGoogleGenerativeAI": "max_output_tokens",
    "ChatVertexAI": "max_output_tokens",
    "ChatOllama": "num_predict",
}
"""The keyword argument that limits the output, where it is not `max_tokens`."""
OPENAI_FIELDS: Final = frozenset(
    {"audio", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata"}
    | {"modalities", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_retention"}
    | {"reasoning_effort", "safety_identifier", "seed", "service_tier", "stop", "store", "temperature"}
    | {"top_logprobs", "top_p", "user", "verbosity", "web_search_options"}
)
"""What `ChatOpenAI` and its subclasses pass to an API that has the same fields."""
_TOOL_FIELDS: Final = ("tools", "tool_choice", "parallel_tool_calls")
REQUEST_FIELDS: Final = OPENAI_FIELDS | {*_TOOL_FIELDS, "response_format"}
"""All fields of a request that can be bound to a model."""
_RUN_FIELDS: Final = ("user", "metadata")
"""Passed on as metadata of the run where the model has no such parameter."""


def bind_request(
    model: Runnable[Any, Any], request: ChatRequest, target: Target, *, tools: Collection[Any] = ()
) -> Runnable[Any, Any]:
    """A model of a graph with what the client asks for: its parameters, and its tools beside `tools` of the graph.

    With it, the option `reads` of the backend is `REQUEST_FIELDS`. Raises `InvalidRequest` for what the model cannot
    do.
    """
    fields = fields_of(request, target)
    own = [convert_to_openai_tool(tool) for tool in tools]
    check_names(request, {tool["function"]["name"] for tool in own})
    if own or "tools" in fields:
        fields["tools"] = [*own, *fields.get("tools", ())]
    return Binder(fields, request.fields, {}, lambda _: False).bound(model)


class Binder:
    """Binds the fields of one call to its model.

    `sent` are the names of the fields that the client sent. `more` are further fields of the host: request field →
    argument.
    """

    def __init__(
        self, fields: JSONObject, sent: Collection[str], more: Mapping[str, str], drops: Callable[[str], bool]
    ) -> None:
        self._fields, self._sent, self._more, self._drops = dict(fields), sent, more, drops

    def bound(self, model: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """The model with everything that the request asks for. Raises `InvalidRequest` for what it cannot do."""
        chat = inner_model(model)
        is_openai = any(kind.__name__ == "BaseChatOpenAI" for kind in type(chat).__mro__)
        if is_openai and chat.stream_usage is None and _is_bound(model):
            counting = chat.model_copy(update={"stream_usage": True})
            model, chat = _rebound(model, chat, counting), counting
        tools: JSONObject = {name: self._fields.pop(name) for name in _TOOL_FIELDS if name in self._fields}
        response_format = self._fields.pop("response_format", None)
        model = _with_arguments(model, self._arguments(chat, is_openai=is_openai))
        if tools.get("tools"):
            model = self._with_tools(model, tools, is_openai=is_openai)
        if response_format is not None:
            model = self._with_format(model, chat, response_format, is_openai=is_openai, has_tools="tools" in tools)
        return model

    def _arguments(self, chat: Any, *, is_openai: bool) -> JSONObject:
        names = {**(dict.fromkeys(OPENAI_FIELDS) if is_openai else _names_of(chat)), **self._more}
        if isinstance(self._fields.get("stop"), str):
            self._fields["stop"] = [self._fields["stop"]]
        return {names.get(name) or name: value for name, value in self._fields.items() if self._takes(name, names)}

    def _takes(self, name: str, names: Collection[str]) -> bool:
        """True if the model takes this field; raises `InvalidRequest` for one that the client should know of."""
        if name in names or name not in self._sent:
            return True
        if name not in _RUN_FIELDS and not self._drops(name):
            raise unsupported(name)
        return False

    def _with_tools(self, model: Any, given: JSONObject, *, is_openai: bool) -> Any:
        chat = inner_model(model)
        if not hasattr(chat, "bind_tools"):
            raise unsupported("tools")
        choice = given.get("tool_choice")
        if not is_openai:
            _check_kinds(given["tools"])
            if choice == "none" and not _is_anthropic(chat):
                return model
            choice = _standard_choice(choice)
        options = {} if choice is None else {"tool_choice": choice}
        if (is_parallel := given.get("parallel_tool_calls")) is not None:
            if is_openai or _accepts(chat.bind_tools, "parallel_tool_calls"):
                options["parallel_tool_calls"] = is_parallel
            elif not self._drops("parallel_tool_calls"):
                raise unsupported("parallel_tool_calls")
        return _bind_tools(model, given["tools"], options)

    def _with_format(self, model: Any, chat: Any, given: JSONObject, *, is_openai: bool, has_tools: bool) -> Any:
        if is_openai and not getattr(chat, "use_responses_api", False):
            # As a separate argument, the SDK would refuse tools that are not strict and answers that are cut.
            return model.bind(extra_body={**(getattr(chat, "extra_body", None) or {}), "response_format": given})
        if is_openai:
            return model.bind(response_format=given)
        schema = (given.get("json_schema") or {}).get("schema")
        can = _is_bound(model) and _accepts(chat.with_structured_output, "method")
        if not can or not isinstance(schema, dict) or has_tools:
            if self._drops("response_format"):
                return model
            raise unsupported("response_format")
        schema = {"title": given["json_schema"].get("name") or "answer", "description": "", **schema}
        structured = chat.with_structured_output(schema, method="json_schema", include_raw=True)
        return _rebound(model, chat, structured) | _raw_message


def inner_model(model: Any) -> Any:
    """The chat model within bindings, retries and fallbacks; any other runnable itself."""
    for _ in range(10):
        inner = model.bound if isinstance(model, RunnableBindingBase) else getattr(model, "runnable", None)
        if inner is None:
            break
        model = inner
    return model


def _names_of(chat: Any) -> dict[str, str]:
    """Request field → keyword argument of a model that is not OpenAI's. Runnables of other kinds take no arguments."""
    if not isinstance(chat, BaseChatModel):
        return {}
    limit = next((_LIMIT_NAMES[kind.__name__] for kind in type(chat).__mro__ if kind.__name__ in _LIMIT_NAMES), None)
    limits = dict.fromkeys(("max_tokens", "max_completion_tokens"), limit or "max_tokens")
    return {**{name: name for name in _COMMON}, **limits}


def _with_arguments(model: Runnable[Any, Any], arguments: JSONObject) -> Runnable[Any, Any]:
    return model.bind(**arguments) if arguments else model


def _bind_tools(model: Any, tools: Any, options: JSONObject) -> Any:
    """Bind tools below bindings, whose arguments `bind_tools` of the model would lose."""
    if isinstance(model, RunnableBindingBase):
        return _rebound(model, model.bound, _bind_tools(model.bound, tools, options))
    return model.bind_tools(tools, **options)


def _is_bound(model: Any) -> bool:
    """True for a chat model, alone or within bindings."""
    while isinstance(model, RunnableBindingBase):
        model = model.bound
    return isinstance(model, BaseChatModel)


def _rebound(model: Any, inner: Any, replacement: Any) -> Any:
    """The bindings around `inner`, around its replacement."""
    if model is inner:
        return replacement
    return model.model_copy(update={"bound": _rebound(model.bound, inner, replacement)})


def _raw_message(result: JSONObject) -> Any:
    """The message behind a structured answer. A model that answers by a tool call has the object in its arguments."""
    message = result["raw"]
    if message.tool_calls and not message.text:
        return AIMessage(
            content=encode(message.tool_calls[0]["args"]).decode(),
            usage_metadata=message.usage_metadata,
            response_metadata=message.response_metadata,
        )
    return message


def _check_kinds(tools: list[JSONObject]) -> None:
    for index, tool in enumerate(tools):
        if tool.get("type") != "function":
            param = f"tools[{index}].type"
            raise InvalidRequest(f"{param}: only functions are supported.", param=param, code="unsupported_parameter")


def _standard_choice(choice: JSONValue) -> JSONValue:
    """LangChain's word for a tool choice: "any" for "required", otherwise the name of a tool."""
    if choice in (None, "auto"):
        return None
    if choice == "required":
        return "any"
    if choice == "none":
        return {"type": "none"}  # Anthropic's; other models do not learn of the tools
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        return choice["function"]["name"]
    raise unsupported("tool_choice")


def _is_anthropic(chat: Any) -> bool:
    return any(kind.__name__ == "ChatAnthropic" for kind in type(chat).__mro__)


def _accepts(function: Any, name: str) -> bool:
    return name in inspect.signature(function).parameters
