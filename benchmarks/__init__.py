"""Measures the cost of a call and compares it with the LiteLLM proxy and a pass-through: `python -m benchmarks`."""
