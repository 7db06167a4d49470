"""Converts the fields of a request into the settings, tools and output that Pydantic AI knows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from pydantic_ai import NativeOutput, StructuredDict
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition

from threadless.contrib.bridge import unsupported
from threadless.exceptions import InvalidRequest
from threadless.types import JSONObject, JSONValue

_SETTINGS: Final = {
    "frequency_penalty": "frequency_penalty",
    "logit_bias": "logit_bias",
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "parallel_tool_calls": "parallel_tool_calls",
    "presence_penalty": "presence_penalty",
    "reasoning_effort": "thinking",
    "seed": "seed",
    "service_tier": "service_tier",
    "stop": "stop_sequences",
    "temperature": "temperature",
    "top_p": "top_p",
}
"""Request field → setting of every model."""
_OPENAI_SETTINGS: Final = {"reasoning_effort": "openai_reasoning_effort", "service_tier": "openai_service_tier"}
_OPENAI_FIELDS: Final = frozenset(
    {"metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store", "user"}
    | {"verbosity", "web_search_options"}
)
"""What only an API with the same fields takes."""
_TIERS: Final = ("auto", "default", "flex", "priority")
_RUN_FIELDS: Final = ("user", "metadata")
REQUEST_FIELDS: Final = frozenset(_SETTINGS) | _OPENAI_FIELDS | {"tools", "tool_choice", "response_format"}


class Asked:
    """What one call asks for, in the terms of its model.

    `sent` are the names of the fields that the client sent: those of the target are left out where the model has no
    such setting. Raises `InvalidRequest` for what the model cannot do.
    """

    def __init__(
        self, model: Model[Any] | None, fields: JSONObject, sent: Collection[str], drops: Callable[[str], bool]
    ):
        self.is_openai = any(kind.__name__ == "OpenAIChatModel" for kind in type(_inner(model)).__mro__)
        self._ignored: Collection[str] = getattr(model, "unsupported_settings", frozenset())
        self._fields, self._sent, self._drops = dict(fields), sent, drops
        self.tools = _definitions(self._fields.pop("tools", None) or ())
        choice = self._fields.pop("tool_choice", None)
        self.tool_choice = _choice(choice) if self.tools else None
        self._format = self._fields.pop("response_format", None)

    @property
    def has_format(self) -> bool:
        """True if the answer must have a form."""
        return self._format is not None

    def settings(self, *, for_run: bool = False) -> JSONObject:
        """The model's settings. A run of an agent takes `user` and `metadata` as its own metadata."""
        settings: JSONObject = {}
        body: JSONObject = {}
        for name, value in self._fields.items():
            if name in _OPENAI_FIELDS and self.is_openai:
                body[name] = value
            elif (setting := self._setting(name, value)) is not None:
                settings[setting] = [value] if name == "stop" and isinstance(value, str) else _effort(setting, value)
            elif name in self._sent and not (for_run and name in _RUN_FIELDS) and not self._drops(name):
                raise unsupported(name)
        if self._format is not None and self.is_openai:
            body["response_format"] = self._format
        return {**settings, **({"extra_body": body} if body else {})}

    def output(self) -> Any:
        """The output type that a run of an agent must have; None: the agent's own."""
        schema = self._schema()
        return None if schema is None else NativeOutput(StructuredDict(schema.json_schema, schema.name))

    def parameters(self) -> ModelRequestParameters:
        """What a single request to the model takes besides its settings."""
        schema = self._schema()
        if schema is None:
            return ModelRequestParameters(function_tools=self.tools)
        return ModelRequestParameters(function_tools=self.tools, output_mode="native", output_object=schema)

    def _setting(self, name: str, value: JSONValue) -> str | None:
        """The setting for a field; None if the model does not take it."""
        if self.is_openai and name in _OPENAI_SETTINGS:
            return _OPENAI_SETTINGS[name]
        setting = _SETTINGS.get(name)
        if setting in self._ignored or (name == "service_tier" and value not in _TIERS):
            return None
        return setting

    def _schema(self) -> OutputObjectDefinition | None:
        """The schema that the answer must have, where the format does not go out as the client sent it."""
        if self._format is None or self.is_openai:
            return None
        given = self._format.get("json_schema") or {}
        schema = given.get("schema")
        if isinstance(schema, dict) and schema.get("type") == "object":
            return OutputObjectDefinition(schema, given.get("name"), given.get("description"), given.get("strict"))
        if self._drops("response_format") or "response_format" not in self._sent:
            return None
        raise unsupported("response_format")


def _inner(model: Any) -> Any:
    """The model within wrappers."""
    while isinstance(model, WrapperModel):
        model = model.wrapped
    return model


def _effort(setting: str, value: JSONValue) -> JSONValue:
    return False if setting == "thinking" and value == "none" else value


def _definitions(tools: Collection[JSONObject]) -> list[ToolDefinition]:
    return [_definition(tool, f"tools[{index}]") for index, tool in enumerate(tools)]


def _definition(tool: JSONObject, path: str) -> ToolDefinition:
    if tool.get("type") != "function":
        path += ".type"
        raise InvalidRequest(f"{path}: only functions are supported.", param=path, code="unsupported_parameter")
    function = tool["function"]
    return ToolDefinition(
        name=function["name"],
        description=function.get("description"),
        parameters_json_schema=function.get("parameters") or {"type": "object", "properties": {}},
        strict=function.get("strict"),
    )


def _choice(choice: JSONValue) -> Any:
    """Pydantic AI's word for a tool choice: a word of the reference, or the names of tools."""
    if choice is None or isinstance(choice, str):
        return choice
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        return [choice["function"]["name"]]
    raise unsupported("tool_choice")
