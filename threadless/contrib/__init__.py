"""Adapters for packages that a host may already use. Each module needs its package installed; no module imports it."""
