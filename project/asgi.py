"""The platform for ASGI servers: `uvicorn project.asgi:application`."""

import os

from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_asgi_application()

# Each request has connections of its own here, and nobody finds one again that outlives it.
for database in connections.settings.values():
    database["CONN_MAX_AGE"] = 0
