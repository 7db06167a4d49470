"""What the owners of API keys can see and do themselves."""
