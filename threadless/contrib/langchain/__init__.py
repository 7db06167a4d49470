"""Answers calls by a LangChain chat model or runnable that a function of the host makes. Needs `langchain-core`."""

from threadless.contrib.langchain.backend import LangChainBackend

__all__ = ["LangChainBackend"]
