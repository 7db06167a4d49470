"""Answers calls by a model or an agent of Pydantic AI that a function of the host makes. Needs `pydantic-ai-slim`."""

from threadless.contrib.pydantic_ai.backend import PydanticAIBackend

__all__ = ["PydanticAIBackend"]
