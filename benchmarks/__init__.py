"""What a call costs, side by side with the LiteLLM proxy and with a bare pass-through: `python -m benchmarks`."""
