"""`UsedKey`: an idempotency key and the call that uses it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class UsedKey(models.Model):
    """One key of one caller. Whether its call still runs is known from the usage record with the same request ID.

    Nothing that the client sent is stored: both digests are made with `SECRET_KEY`.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    """Of the key and its caller."""
    fingerprint = models.CharField(max_length=64)
    """Of the request."""
    request_id = models.CharField(max_length=128)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "threadless_idempotency"
        default_permissions = ()

    def __str__(self) -> str:
        return self.request_id
