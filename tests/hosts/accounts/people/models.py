"""The user."""

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class EmailManager(UserManager["Person"]):
    """Makes users from an e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":  # type: ignore[override]
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":  # type: ignore[override]
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractUser):
    """A user without a user name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = EmailManager()
