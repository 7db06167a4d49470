"""A small HTTP client for upstreams."""
