"""Organisations, memberships and the platform's own key table."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from threadless.keys.models import AbstractAPIKey


class Organisation(models.Model):
    """A customer of the platform."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's membership in an organisation."""

    class Role(models.TextChoices):
        MEMBER = "member", "Member"
        MANAGER = "manager", "Manager"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["user", "organisation"], name="accounts_one_membership"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation}"


def organisation_id_of(user_id: Any) -> int | None:
    """The organisation of a signed-in user: the first one that the user joined; None without a membership."""
    memberships = Membership.objects.filter(user_id=user_id).order_by("pk")
    return memberships.values_list("organisation_id", flat=True).first()


class ApiKey(AbstractAPIKey):
    """A key acts for its user inside one organisation."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="api_keys")

    def clean(self) -> None:
        """Refuse a new key whose user is not a member of the organisation: every call with it would fail."""
        super().clean()
        if self._state.adding and self.user_id and self.organisation_id:
            members = Membership.objects.filter(user_id=self.user_id, organisation_id=self.organisation_id)
            if not members.exists():
                raise ValidationError("The user is not a member of this organisation.", code="not_a_member")

    def save(self, **options: Any) -> None:
        """Set the organisation of the user if none is given, as with `create_api_key`."""
        if not self.organisation_id and (organisation_id := organisation_id_of(self.user_id)):
            self.organisation_id = organisation_id
        super().save(**options)
