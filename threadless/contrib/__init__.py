"""Adapters for key packages that a host may already use. Each module wants its package; nothing else imports it."""
