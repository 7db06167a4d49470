"""Where answers come from: the host's LLM path behind one seam."""

from threadless.backends.base import BaseChatBackend, backends, payload_of

__all__ = ["BaseChatBackend", "backends", "payload_of"]
