"""Customers and their host names."""

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Customer(TenantMixin):
    """A customer."""

    name = models.CharField(max_length=50)
    auto_create_schema = True

    def __str__(self) -> str:
        return self.name


class Domain(DomainMixin):
    """A host name of a customer."""
