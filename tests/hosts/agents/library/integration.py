"""The integration: what this platform wrote for threadless, beside its settings and one URL line."""

import openai
from django.conf import settings
from django.contrib.auth import get_user_model
from django_ai_assistant import AIAssistant
from langchain_core.messages import SystemMessage
from langgraph.graph import END, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from threadless.contrib.langchain import bind_request
from threadless.contrib.langgraph import client_tools


def assistant(request, target, caller):
    """The assistant's instructions, model and tools. Its own graph stores messages, or ignores those of the client."""
    user = get_user_model().objects.get(pk=caller.user_id)
    chosen = AIAssistant.get_cls(target.model)(user=user)
    tools, first = list(chosen.get_tools()), SystemMessage(chosen.get_instructions())
    model = bind_request(chosen.get_llm(), request, target, tools=tools)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke([first, *state["messages"]])]})
    graph.add_node("tools", ToolNode([*tools, *client_tools(request, beside=tools)]))
    graph.set_entry_point("model")
    graph.add_conditional_edges("model", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "model")
    return graph.compile()


researcher = Agent(deps_type=str, instructions="You know where every book stands.")


@researcher.tool
async def shelf(context: RunContext[str], book: str) -> str:
    """Where a book stands."""
    user = await get_user_model().objects.aget(pk=context.deps)
    return f"{book} stands on the shelf of {user}."


def agent(request, target, caller):
    client = openai.AsyncOpenAI(base_url=settings.LLM_URL, api_key="key", max_retries=0)
    model = OpenAIChatModel(target.model, provider=OpenAIProvider(openai_client=client))
    return researcher, {"deps": caller.user_id, "model": model}
