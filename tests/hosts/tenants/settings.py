"""A platform with a database for each tenant, and a replica of one of them from which its own data is read."""

import copy
from pathlib import Path
from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as ONE_DATABASE
from tests.settings import INSTALLED_APPS, MIDDLEWARE

_north: dict[str, Any] = ONE_DATABASE["default"]
_south = copy.deepcopy(_north)
if "NAME" in _north.get("TEST", {}):  # SQLite
    _file = Path(_north["TEST"]["NAME"])
    _south["TEST"]["NAME"] = str(_file.with_name(f"south-{_file.name}"))
else:
    _south["NAME"] = f"{_north['NAME']}_south"

DATABASES = {
    "default": _north,
    "south": _south,
    "replica": {**copy.deepcopy(_north), "TEST": {"MIRROR": "default"}},
}
DATABASE_ROUTERS = ["tests.hosts.tenants.routing.TenantRouter"]
MIDDLEWARE = ["tests.hosts.tenants.routing.tenant_middleware", *MIDDLEWARE]
INSTALLED_APPS = [*INSTALLED_APPS, "threadless.budgets"]
ALLOWED_HOSTS = ["north.example", "south.example", "localhost"]
