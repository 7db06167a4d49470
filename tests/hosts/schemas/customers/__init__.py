"""The customers of the platform: each has its own schema."""
