"""The chat pages."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views import View
from django.views.generic import DetailView, ListView

from project.chats.answers import NoAnswer, answer
from project.chats.forms import ChatForm, MessageForm, NewChatForm, assistant_names
from project.chats.models import Chat


class OwnChats(LoginRequiredMixin):
    """Limits a page to the chats of the signed-in user."""

    request: HttpRequest

    def get_queryset(self) -> QuerySet[Chat]:
        """The chats of the signed-in user."""
        return Chat.objects.owned_by(self.request.user.pk)


class ChatList(OwnChats, ListView):  # type: ignore[type-arg]
    """All chats, pinned ones first, with a form that starts a new one."""

    template_name = "chats/list.html"
    context_object_name = "chats"
    paginate_by = 30

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user_id = self.request.user.pk
        names = assistant_names(user_id)
        context = super().get_context_data(form=NewChatForm(user_id=user_id), **kwargs)
        context["rows"] = [(chat, names.get(chat.assistant, chat.assistant)) for chat in context["chats"]]
        return context

    def post(self, request: HttpRequest) -> HttpResponse:
        """Start a chat."""
        user_id: Any = request.user.pk
        form = NewChatForm(request.POST, user_id=user_id)
        if not form.is_valid():
            messages.error(request, "Choose an assistant from the list.")
            return redirect("chats:list")
        return redirect(Chat.objects.create(user_id=user_id, **form.cleaned_data))


class ChatDetail(OwnChats, DetailView):  # type: ignore[type-arg]
    """One chat with a form for the next message."""

    template_name = "chats/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = assistant_names(self.request.user.pk)
        assistant = names.get(self.object.assistant, self.object.assistant)
        return super().get_context_data(form=MessageForm(), assistant=assistant, **kwargs)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a message and store the answer."""
        chat = get_object_or_404(self.get_queryset(), pk=pk)
        form = MessageForm(request.POST)
        if form.is_valid():
            try:
                answer(chat, form.cleaned_data["text"])
            except NoAnswer as error:
                messages.error(request, str(error))
        return redirect(chat)


class ChatChange(OwnChats, View):
    """Rename or pin a chat."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Save the title and the pin."""
        chat = get_object_or_404(self.get_queryset(), pk=pk)
        form = ChatForm(request.POST, instance=chat)
        if form.is_valid():
            form.save()
        return redirect(chat)
