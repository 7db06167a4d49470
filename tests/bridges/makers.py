"""What a host's function returns for each bridge: something that calls the scripted upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import openai
from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph
from pydantic import SecretStr
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.support.upstream import UPSTREAM_KEY
from threadless.contrib.langchain import REQUEST_FIELDS, bind_request

Make = Callable[[str], Callable[[Any, Any, Any], Any]]
"""Address of the upstream → function of the host."""


def langchain(url: str) -> Callable[[Any, Any, Any], Any]:
    """A chat model per call."""
    return lambda request, target, caller: ChatOpenAI(
        model=target.model, base_url=url, api_key=SecretStr(UPSTREAM_KEY), max_retries=0, timeout=5
    )


def langgraph(url: str) -> Callable[[Any, Any, Any], Any]:
    """A graph with one node."""

    def make(request: Any, target: Any, caller: Any) -> Any:
        model = bind_request(langchain(url)(request, target, caller), request, target)
        graph: Any = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.set_entry_point("model")
        return graph.compile()

    return make


def openai_client(url: str) -> Callable[[Any, Any, Any], Any]:
    """One client for all calls."""
    client = openai.OpenAI(base_url=url, api_key=UPSTREAM_KEY, max_retries=0, timeout=5)
    return lambda request, target, caller: client


def async_openai_client(url: str) -> Callable[[Any, Any, Any], Any]:
    """One asynchronous client for all calls."""
    client = openai.AsyncOpenAI(base_url=url, api_key=UPSTREAM_KEY, max_retries=0, timeout=5)
    return lambda request, target, caller: client


def litellm(url: str) -> Callable[[Any, Any, Any], Any]:
    """Arguments of LiteLLM."""
    access = {"api_base": url, "api_key": UPSTREAM_KEY, "timeout": 5, "max_retries": 0, "num_retries": 0}
    return lambda request, target, caller: {"model": f"openai/{target.model}", **access}


def any_llm(url: str) -> Callable[[Any, Any, Any], Any]:
    """Arguments of any-llm."""
    access = {"api_base": url, "api_key": UPSTREAM_KEY, "client_args": {"max_retries": 0, "timeout": 5}}
    return lambda request, target, caller: {"provider": "openai", **access}


def pydantic_ai_model(url: str) -> Callable[[Any, Any, Any], Any]:
    """A model per call with one asynchronous client."""
    client = openai.AsyncOpenAI(base_url=url, api_key=UPSTREAM_KEY, max_retries=0, timeout=5)
    provider = OpenAIProvider(openai_client=client)
    return lambda request, target, caller: OpenAIChatModel(target.model, provider=provider)


def pydantic_ai_agent(url: str) -> Callable[[Any, Any, Any], Any]:
    """An agent per call around such a model."""
    model = pydantic_ai_model(url)
    return lambda request, target, caller: Agent(model(request, target, caller))


BRIDGES: Final[dict[str, tuple[str, Make, dict[str, Any]]]] = {
    "langchain": ("threadless.contrib.langchain.LangChainBackend", langchain, {}),
    "langgraph": ("threadless.contrib.langgraph.LangGraphBackend", langgraph, {"reads": REQUEST_FIELDS}),
    "openai": ("threadless.contrib.openai.OpenAIClientBackend", openai_client, {}),
    "openai, asynchronous": ("threadless.contrib.openai.OpenAIClientBackend", async_openai_client, {}),
    "litellm": ("threadless.contrib.litellm.LiteLLMBackend", litellm, {}),
    "any_llm": ("threadless.contrib.any_llm.AnyLLMBackend", any_llm, {}),
    "pydantic_ai, model": ("threadless.contrib.pydantic_ai.PydanticAIBackend", pydantic_ai_model, {}),
    "pydantic_ai, agent": ("threadless.contrib.pydantic_ai.PydanticAIBackend", pydantic_ai_agent, {}),
}
