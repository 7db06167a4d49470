"""The HTTP layer: from a DRF request to a call, and from a call to a response."""
