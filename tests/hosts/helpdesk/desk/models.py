"""Members with UUIDs, credentials in a form of the desk's own, tickets, and the desk's own usage table."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class MemberManager(BaseUserManager):
    """Members sign in with their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Member:
        member = self.model(email=self.normalize_email(email), **fields)
        member.set_password(password)
        member.save()
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    """The user model."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "email"
    objects = MemberManager()


class Right(models.Model):
    """What a credential may do."""

    code = models.SlugField(primary_key=True)

    def __str__(self) -> str:
        return self.code


class Credential(models.Model):
    """A key: a public part to find it by, and a salted HMAC of the secret part."""

    public_part = models.CharField(max_length=12, unique=True)
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32)
    bearer = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="credentials")
    rights = models.ManyToManyField(Right)
    remark = models.TextField(blank=True)
    is_void = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.public_part


class Ticket(models.Model):
    """What the desk is for."""

    subject = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.subject


class UsageLine(models.Model):
    """The desk's own metering, older than threadless."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE)
    reference = models.CharField(max_length=128)
    tokens = models.PositiveIntegerField()
    went_well = models.BooleanField()

    def __str__(self) -> str:
        return self.reference
