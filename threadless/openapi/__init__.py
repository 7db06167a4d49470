"""The OpenAPI 3.1 description of our endpoints, generated from the types that check requests."""
