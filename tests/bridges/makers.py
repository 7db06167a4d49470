"""What a host's function returns for each bridge: something that calls the scripted upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from tests.support.upstream import UPSTREAM_KEY

Make = Callable[[str], Callable[[Any, Any, Any], Any]]
"""Address of the upstream → function of the host."""


def langchain(url: str) -> Callable[[Any, Any, Any], Any]:
    """A chat model per call."""
    return lambda request, target, caller: ChatOpenAI(
        model=target.model, base_url=url, api_key=SecretStr(UPSTREAM_KEY), max_retries=0, timeout=5
    )


BRIDGES: Final[dict[str, tuple[str, Make]]] = {
    "langchain": ("threadless.contrib.langchain.LangChainBackend", langchain),
}
