"""Backends produce answers. They are the extension point for the host's LLM path."""

from threadless.backends.base import BaseChatBackend, backends, payload_of

__all__ = ["BaseChatBackend", "backends", "payload_of"]
