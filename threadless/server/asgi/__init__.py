"""Runs requests under an ASGI server: the client, the thread pool, and sending the response."""
