"""Harbour, the example host: a small assistant platform, older than threadless, that plugs it in.

The plug is `gateway.py`, one block in `settings.py` and one line in `urls.py`.
"""
