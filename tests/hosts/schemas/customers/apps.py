"""The Django app."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """The customers."""

    name = "tests.hosts.schemas.customers"
    label = "customers"
    default_auto_field = "django.db.models.BigAutoField"
    threadless_ledger_hooks = ("tests.hosts.schemas.customers.hooks.Outage",)
