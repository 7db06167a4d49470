"""Routes of the chat pages."""

from django.urls import path

from project.chats import views

app_name = "chats"

urlpatterns = [
    path("", views.ChatList.as_view(), name="list"),
    path("chats/<int:pk>/", views.ChatDetail.as_view(), name="detail"),
    path("chats/<int:pk>/change/", views.ChatChange.as_view(), name="change"),
]
