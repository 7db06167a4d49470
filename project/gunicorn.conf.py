# ruff: noqa: F403, N999  (the usual name of gunicorn's configuration)
"""Gunicorn for the platform: `gunicorn -c project/gunicorn.conf.py project.wsgi`.

A platform without its own settings does not need this file: `gunicorn -c python:threadless.contrib.gunicorn …`.
"""

from threadless.contrib.gunicorn import *
