"""How this app uses the host's database connections."""
