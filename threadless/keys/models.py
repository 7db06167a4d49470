"""`AbstractAPIKey` for hosts that extend the key table, and `APIKey`, used unless `THREADLESS_API_KEY_MODEL` swaps it.

The abstract fields are part of hosts' migrations, so they have only built-in defaults and validators.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from threadless.conf import conf
from threadless.keys import secrets
from threadless.keys.scopes import check_may_issue


class StaleKey(Exception):
    """The key has changed since it was read."""


KeyT = TypeVar("KeyT", bound="AbstractAPIKey")


class APIKeyManager(models.Manager[KeyT]):
    """Issues keys. `issue` is the only way to get a secret."""

    def issue(self, *, scopes: Iterable[str] = (), created_by: Any = None, **fields: Any) -> tuple[KeyT, str]:
        """Return a new saved key and its secret. The secret cannot be recovered later.

        Raises `PermissionDenied` if `created_by` lacks one of the scopes or may not issue keys for this user. Without
        `created_by` (a shell, a command) no rights are checked.
        """
        key = self.model(scopes=sorted(set(scopes)), created_by=created_by, **fields)
        if created_by is not None:
            check_may_issue(created_by, key.user, key.scopes)
        secret = key.set_new_secret()
        key.save(using=self._db)
        return key, secret


class AbstractAPIKey(models.Model):
    """One API key of one user. Only a hash of the secret is stored. Prefix and last four identify it for people."""

    name = models.CharField(_("name"), max_length=100, help_text=_("What the key is for; shown in usage records."))
    note = models.TextField(_("note"), blank=True, help_text=_("For the staff; shown nowhere else."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("The key may see what this user sees, and stops when the user is deactivated."),
    )
    prefix = models.CharField(_("prefix"), max_length=40, editable=False)
    last4 = models.CharField(_("last four"), max_length=4, editable=False)
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    previous_digest = models.CharField(
        _("previous digest"), max_length=64, unique=True, null=True, blank=True, editable=False
    )
    previous_until = models.DateTimeField(_("previous secret works until"), null=True, blank=True, editable=False)
    scopes = models.JSONField(
        _("scopes"),
        default=list,
        blank=True,
        help_text=_("What the key may do. A key without scopes is refused everywhere."),
    )
    allowed_models = models.JSONField(
        _("allowed models"),
        null=True,
        blank=True,
        default=None,
        help_text=_("Models and agents that the key is limited to. Empty: all that the user may see."),
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"), null=True, blank=True, help_text=_("Empty: the platform's limit.")
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("tokens per minute"), null=True, blank=True, help_text=_("Empty: the platform's limit.")
    )
    concurrent_calls = models.PositiveIntegerField(
        _("concurrent calls"), null=True, blank=True, help_text=_("Empty: the platform's limit.")
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    objects: ClassVar[APIKeyManager[Any]] = APIKeyManager()

    class Meta:
        abstract = True
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def hint(self) -> str:
        """A text by which people recognize the key. Contains no secret."""
        return f"{self.prefix}_…{self.last4}"

    def set_new_secret(self) -> str:
        """Give this key a new secret, without saving it, and return the secret."""
        secret = secrets.generate(conf.key_prefix)
        self.prefix, self.last4, self.digest = conf.key_prefix, secret[-4:], secrets.digest(secret)
        return secret

    def rotate(self, previous_for: timedelta = timedelta(0)) -> str:
        """Give the key a new secret, save and return it. The current secret works for `previous_for` longer.

        The key stays the same, so usage and budgets continue. A secret that was still valid from an earlier rotation
        ends at once. Raises `StaleKey` if the key has been revoked, or was rotated since it was read: the secret of
        the other rotation would end before anybody could use it.
        """
        using = router.db_for_write(type(self), instance=self)
        stored: Any = type(self)._base_manager.using(using)
        with transaction.atomic(using=using):
            row = stored.select_for_update().filter(pk=self.pk).values_list("digest", "revoked_at").first()
            if row != (self.digest, None):
                raise StaleKey("The key has been rotated or revoked since it was read.")
            self.previous_digest, self.previous_until = self.digest, timezone.now() + previous_for
            secret = self.set_new_secret()
            columns = ["prefix", "last4", "digest", "previous_digest", "previous_until"]
            self.save(using=using, update_fields=columns)
        return secret

    def accepts(self, digest: str, now: datetime | None = None) -> bool:
        """True for the digest of the current secret, and until `previous_until` for that of the previous one."""
        if digest == self.digest:
            return True
        until = self.previous_until
        return digest == self.previous_digest and until is not None and (now or timezone.now()) < until

    def is_expired(self, now: datetime | None = None) -> bool:
        """True if `expires_at` has been reached."""
        return self.expires_at is not None and self.expires_at <= (now or timezone.now())

    def revoke(self) -> None:
        """Refuse the key from now on. A second call keeps the time of the first."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])


class APIKey(AbstractAPIKey):
    """The key table of hosts that have none."""

    class Meta(AbstractAPIKey.Meta):
        swappable = "THREADLESS_API_KEY_MODEL"
