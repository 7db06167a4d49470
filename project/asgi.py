"""The platform for ASGI servers: `uvicorn project.asgi:application`."""

import os

from threadless.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_asgi_application()
