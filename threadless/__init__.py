"""An OpenAI-compatible chat completions endpoint inside a Django platform: stateless, metered, at home."""

__version__ = "0.1.0"
