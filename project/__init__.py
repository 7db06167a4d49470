"""Harbour, the example host: a small assistant platform that integrates threadless.

The integration is `gateway.py`, one block in `settings.py` and one line in `urls.py`.
"""
