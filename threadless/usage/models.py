"""`UsageRecord`: the cost and the outcome of one call. No column can hold message text."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class UsageRecord(models.Model):
    """One admitted call. It outlives its key and its user: key columns are plain, the foreign key has no constraint.

    Rows are small, because a busy platform writes millions of them.
    """

    class State(models.TextChoices):
        """`open` until the owner of the call settles it. A sweep sets `interrupted`, which the owner may replace."""

        OPEN = "open", _("open")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        INTERRUPTED = "interrupted", _("interrupted")

    class Source(models.TextChoices):
        """Who counted the tokens."""

        NONE = "", _("not counted")
        UPSTREAM = "upstream", _("upstream")
        ESTIMATED = "estimated", _("estimated")

    request_id = models.CharField(
        _("request id"), max_length=128, help_text=_("Our own ID of the call; also sent to the upstream.")
    )
    client_request_id = models.CharField(
        _("client's request id"),
        max_length=128,
        blank=True,
        help_text=_("The X-Request-Id that the client sent. Clients may repeat it."),
    )
    operation = models.CharField(_("operation"), max_length=16, default="chat", help_text=_("The API that was called."))
    account = models.CharField(_("account"), max_length=64, blank=True, help_text=_("The tenant that pays."))
    key_id = models.CharField(_("key id"), max_length=64, blank=True)
    key_label = models.CharField(_("key"), max_length=100, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    model = models.CharField(_("model asked"), max_length=200, help_text=_("The model or agent that the client named."))
    target_kind = models.CharField(_("kind"), max_length=8)
    target_model = models.CharField(_("target"), max_length=200, help_text=_("The upstream's name of the model."))
    backend = models.CharField(_("backend"), max_length=64)
    upstream_model = models.CharField(
        _("upstream model"), max_length=200, blank=True, help_text=_("What the upstream says it ran.")
    )
    is_stream = models.BooleanField(_("stream"))
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.OPEN)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=32, blank=True)
    prompt_tokens = models.PositiveIntegerField(_("prompt tokens"), null=True)
    completion_tokens = models.PositiveIntegerField(_("completion tokens"), null=True)
    cached_tokens = models.PositiveIntegerField(_("cached tokens"), null=True)
    reasoning_tokens = models.PositiveIntegerField(_("reasoning tokens"), null=True)
    usage_source = models.CharField(_("counted by"), max_length=9, choices=Source.choices, blank=True)
    cost_nano = models.BigIntegerField(
        _("cost"), null=True, help_text=_("In billionths of the currency. Empty if the cost is unknown.")
    )
    tool_calls = models.PositiveSmallIntegerField(_("tool calls"), null=True)
    first_token_ms = models.PositiveIntegerField(_("time to first token (ms)"), null=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True)
    opened_at = models.DateTimeField(_("opened at"))
    deadline = models.DateTimeField(
        _("deadline"), help_text=_("If the record is still open after this time, the call was interrupted.")
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, help_text=_("When the outcome was written."))
    worker = models.CharField(
        _("worker"), max_length=64, blank=True, help_text=_("The server process of the call, as host:process ID.")
    )
    hook_state = models.TextField(  # noqa: DJ001 (NULL, because most installations have no hooks)
        _("hook state"), null=True, help_text=_("What ledger hooks keep with the record, as JSON.")
    )

    class Meta:
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")
        ordering = ("-opened_at", "-id")
        default_permissions = ("view",)
        permissions = (
            ("write_chats", "Can send chat completions from a signed-in session"),
            ("issue_keys_for_others", "Can issue API keys for other users"),
        )
        indexes = (
            # The list of records, its date filter, exports and reports of a range of days.
            models.Index(fields=["-opened_at", "-id"], name="threadless_usage_recent"),
            # The calls of one user, key, account or model: filters of the list and a customer's own pages.
            models.Index(fields=["user", "-opened_at"], name="threadless_usage_by_user"),
            models.Index(fields=["key_id", "-opened_at"], name="threadless_usage_by_key"),
            models.Index(fields=["account", "-opened_at"], name="threadless_usage_by_account"),
            models.Index(fields=["model", "-opened_at"], name="threadless_usage_by_model"),
            # The sweep, which looks for open records past their deadline.
            models.Index(fields=["state", "deadline"], name="threadless_usage_by_state"),
            # The search for one call. Not `db_index`: that adds a second index for LIKE on PostgreSQL. Not unique: a
            # host may meter its own calls.
            models.Index(fields=["request_id"], name="threadless_usage_by_request"),
        )

    def __str__(self) -> str:
        return f"{self.request_id} ({self.get_state_display()})"
