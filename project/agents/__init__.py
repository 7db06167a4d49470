"""Agents: models with instructions, which users create and share."""
