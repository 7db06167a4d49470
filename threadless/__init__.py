"""An OpenAI-compatible chat completions endpoint inside a Django platform: stateless and metered."""

__version__ = "0.1.0"
