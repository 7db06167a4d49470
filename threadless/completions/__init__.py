"""One call from beginning to end: no HTTP, no SQL."""
