"""A budget of calls, and keys that belong to tenants."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar

from django.db import models

from threadless.keys.models import AbstractAPIKey, APIKeyManager

current_tenant: ContextVar[str] = ContextVar("current_tenant", default="")


class Budget(models.Model):
    """How many calls an account may make."""

    account = models.CharField(max_length=64, unique=True)
    calls = models.IntegerField()
    reserved = models.IntegerField(default=0)
    spent = models.IntegerField(default=0)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.account


class TenantManager(APIKeyManager[Any]):
    """Keys of the current tenant alone."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(tenant=current_tenant.get())


class TenantKey(AbstractAPIKey):
    """A key of one tenant."""

    tenant = models.CharField(max_length=20)

    objects = TenantManager()
