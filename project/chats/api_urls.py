"""Routes of the platform's own API."""

from django.urls import path

from project.chats import api

app_name = "platform-api"

urlpatterns = [
    path("chats/", api.ChatListView.as_view(), name="chats"),
    path("chats/<int:chat_id>/messages/", api.MessageListView.as_view(), name="messages"),
]
