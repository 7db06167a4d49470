"""A help desk: a platform that knows nothing of threadless but for `plug.py`."""
