"""The platform's chatbot, a LangGraph graph with its own tool."""

from langchain_core.tools import tool
from langgraph.graph import END, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tests.hosts.teams.crew.integration import chat_model
from threadless.contrib.langchain import bind_request
from threadless.contrib.langgraph import client_tools


def make(request, target, caller):
    @tool
    def handbook(question: str) -> str:
        """What the team's handbook says."""
        return f"Team {caller.account} works from nine to five."

    model = bind_request(chat_model(request, target, caller), request, target, tools=[handbook])
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([handbook, *client_tools(request, beside=[handbook])]))
    graph.set_entry_point("model")
    graph.add_conditional_edges("model", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "model")
    return graph.compile()
