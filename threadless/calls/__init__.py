"""One call from beginning to end, in no particular format: no HTTP status, no SQL, no server."""
