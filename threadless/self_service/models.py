"""A proxy model, which holds the permission of the app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from threadless.usage.models import UsageRecord


class AccountUsage(UsageRecord):
    """The usage records of an account, as its members may read them."""

    class Meta:
        app_label = "threadless_self_service"
        proxy = True
        default_permissions = ()
        permissions = (("read_account_usage", "Can read the usage of the whole account"),)
        verbose_name = verbose_name_plural = _("account usage")
