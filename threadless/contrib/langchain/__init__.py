"""Answers calls by a LangChain chat model or runnable that a function of the host makes. Needs `langchain-core`."""

from threadless.contrib.langchain.backend import LangChainBackend
from threadless.contrib.langchain.binding import REQUEST_FIELDS, bind_request

__all__ = ["REQUEST_FIELDS", "LangChainBackend", "bind_request"]
