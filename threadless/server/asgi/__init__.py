"""What a request needs under an ASGI server: its client, its thread, and a way for its response."""
