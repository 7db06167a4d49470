"""One call from admission to settlement. Knows no format, no HTTP status, no SQL and no server."""
