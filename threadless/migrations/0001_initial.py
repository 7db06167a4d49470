"""The key table (unless the host has its own) and the ledger."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="APIKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="What the key is for; shown in usage records.", max_length=100, verbose_name="name"
                    ),
                ),
                (
                    "note",
                    models.TextField(blank=True, help_text="For the staff; shown nowhere else.", verbose_name="note"),
                ),
                ("prefix", models.CharField(editable=False, max_length=40, verbose_name="prefix")),
                ("last4", models.CharField(editable=False, max_length=4, verbose_name="last four")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True, verbose_name="digest")),
                (
                    "previous_digest",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=64,
                        null=True,
                        unique=True,
                        verbose_name="previous digest",
                    ),
                ),
                (
                    "previous_until",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="previous secret works until"
                    ),
                ),
                (
                    "scopes",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="What the key may do. A key without scopes is refused everywhere.",
                        verbose_name="scopes",
                    ),
                ),
                (
                    "allowed_models",
                    models.JSONField(
                        blank=True,
                        default=None,
                        help_text="Models and agents that the key is limited to. Empty: all that the user may see.",
                        null=True,
                        verbose_name="allowed models",
                    ),
                ),
                (
                    "requests_per_minute",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Empty: the platform's limit.",
                        null=True,
                        verbose_name="requests per minute",
                    ),
                ),
                (
                    "tokens_per_minute",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Empty: the platform's limit.",
                        null=True,
                        verbose_name="tokens per minute",
                    ),
                ),
                (
                    "concurrent_calls",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: the platform's limit.", null=True, verbose_name="concurrent calls"
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires at")),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="revoked at")),
                (
                    "last_used_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last used at"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        help_text="The key may see what this user sees, and stops when the user is deactivated.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ("-created_at",),
                "abstract": False,
                "swappable": "THREADLESS_API_KEY_MODEL",
            },
        ),
        migrations.CreateModel(
            name="UsageRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "request_id",
                    models.CharField(
                        help_text="Our own ID of the call; also sent to the upstream.",
                        max_length=128,
                        verbose_name="request id",
                    ),
                ),
                (
                    "client_request_id",
                    models.CharField(
                        blank=True,
                        help_text="The X-Request-Id that the client sent. Clients may repeat it.",
                        max_length=128,
                        verbose_name="client's request id",
                    ),
                ),
                (
                    "operation",
                    models.CharField(
                        default="chat", help_text="The API that was called.", max_length=16, verbose_name="operation"
                    ),
                ),
                (
                    "account",
                    models.CharField(
                        blank=True, help_text="The tenant that pays.", max_length=64, verbose_name="account"
                    ),
                ),
                ("key_id", models.CharField(blank=True, max_length=64, verbose_name="key id")),
                ("key_label", models.CharField(blank=True, max_length=100, verbose_name="key")),
                (
                    "model",
                    models.CharField(
                        help_text="The model or agent that the client named.",
                        max_length=200,
                        verbose_name="model asked",
                    ),
                ),
                ("target_kind", models.CharField(max_length=8, verbose_name="kind")),
                (
                    "target_model",
                    models.CharField(
                        help_text="The upstream's name of the model.", max_length=200, verbose_name="target"
                    ),
                ),
                ("backend", models.CharField(max_length=64, verbose_name="backend")),
                (
                    "upstream_model",
                    models.CharField(
                        blank=True,
                        help_text="What the upstream says it ran.",
                        max_length=200,
                        verbose_name="upstream model",
                    ),
                ),
                ("is_stream", models.BooleanField(verbose_name="stream")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("completed", "completed"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                            ("interrupted", "interrupted"),
                        ],
                        default="open",
                        max_length=11,
                        verbose_name="state",
                    ),
                ),
                ("http_status", models.PositiveSmallIntegerField(null=True, verbose_name="HTTP status")),
                ("error_code", models.CharField(blank=True, max_length=64, verbose_name="error code")),
                ("finish_reason", models.CharField(blank=True, max_length=32, verbose_name="finish reason")),
                ("prompt_tokens", models.PositiveIntegerField(null=True, verbose_name="prompt tokens")),
                ("completion_tokens", models.PositiveIntegerField(null=True, verbose_name="completion tokens")),
                ("cached_tokens", models.PositiveIntegerField(null=True, verbose_name="cached tokens")),
                ("reasoning_tokens", models.PositiveIntegerField(null=True, verbose_name="reasoning tokens")),
                (
                    "usage_source",
                    models.CharField(
                        blank=True,
                        choices=[("", "not counted"), ("upstream", "upstream"), ("estimated", "estimated")],
                        max_length=9,
                        verbose_name="counted by",
                    ),
                ),
                (
                    "cost_nano",
                    models.BigIntegerField(
                        help_text="In billionths of the currency. Empty if the cost is unknown.",
                        null=True,
                        verbose_name="cost",
                    ),
                ),
                ("tool_calls", models.PositiveSmallIntegerField(null=True, verbose_name="tool calls")),
                ("first_token_ms", models.PositiveIntegerField(null=True, verbose_name="time to first token (ms)")),
                ("duration_ms", models.PositiveIntegerField(null=True, verbose_name="duration (ms)")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                (
                    "deadline",
                    models.DateTimeField(
                        help_text="If the record is still open after this time, the call was interrupted.",
                        verbose_name="deadline",
                    ),
                ),
                (
                    "settled_at",
                    models.DateTimeField(
                        help_text="When the outcome was written.", null=True, verbose_name="settled at"
                    ),
                ),
                (
                    "worker",
                    models.CharField(
                        blank=True,
                        help_text="The server process of the call, as host:process ID.",
                        max_length=64,
                        verbose_name="worker",
                    ),
                ),
                (
                    "hook_state",
                    models.TextField(
                        help_text="What ledger hooks keep with the record, as JSON.",
                        null=True,
                        verbose_name="hook state",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "usage record",
                "verbose_name_plural": "usage records",
                "ordering": ("-opened_at", "-id"),
                "permissions": (
                    ("write_chats", "Can send chat completions from a signed-in session"),
                    ("issue_keys_for_others", "Can issue API keys for other users"),
                ),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-opened_at", "-id"], name="threadless_usage_recent"),
                    models.Index(fields=["user", "-opened_at"], name="threadless_usage_by_user"),
                    models.Index(fields=["key_id", "-opened_at"], name="threadless_usage_by_key"),
                    models.Index(fields=["account", "-opened_at"], name="threadless_usage_by_account"),
                    models.Index(fields=["model", "-opened_at"], name="threadless_usage_by_model"),
                    models.Index(fields=["state", "deadline"], name="threadless_usage_by_state"),
                    models.Index(fields=["request_id"], name="threadless_usage_by_request"),
                ],
            },
        ),
    ]
