"""Chats in the admin."""

from django.contrib import admin

from project.chats.models import Chat, Message


class MessageInline(admin.TabularInline):  # type: ignore[type-arg]
    """The messages of a chat."""

    model = Message
    extra = 0
    readonly_fields = ("created_at",)


@admin.register(Chat)
class ChatAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """For support staff."""

    list_display = ("__str__", "user", "assistant", "is_pinned", "updated_at")
    list_select_related = ("user",)
    search_fields = ("title",)
    autocomplete_fields = ("user",)
    inlines = (MessageInline,)
