"""Prepared statements, and returning the host's database connections."""
