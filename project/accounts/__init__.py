"""Organisations, who belongs to them, and their API keys."""
