"""Budgets: limits on what keys, users, accounts and the whole platform may spend."""
