"""API keys: the model, secrets, scopes, and the adapters that turn a key into a `Caller`."""
