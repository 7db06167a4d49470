"""A platform with django-tenants: a schema of PostgreSQL for each customer, with its own users, keys and calls."""

from tests.settings import *  # noqa: F403
from tests.settings import CACHES, MIDDLEWARE, env
from tests.settings import INSTALLED_APPS as OWN_APPS

DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://127.0.0.1:1/none")}
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
SHARED_APPS = ["django_tenants", "tests.hosts.schemas.customers", "django.contrib.contenttypes"]
TENANT_APPS = [*OWN_APPS, "threadless.budgets"]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
TENANT_MODEL = "customers.Customer"
TENANT_DOMAIN_MODEL = "customers.Domain"
ALLOWED_HOSTS = ["*"]
CACHES["default"]["KEY_FUNCTION"] = "django_tenants.cache.make_key"
