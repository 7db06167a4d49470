"""The chat completions format in both directions: pure functions and value objects, without threads, HTTP or SQL."""
