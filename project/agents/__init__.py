"""Agents: a model with instructions, made by users and shared as far as they like."""
