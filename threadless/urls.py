"""`path("api/v1/", include("threadless.urls"))`: below it, the paths of the OpenAI API, each with an optional slash.

A redirect to add a slash would lose the body of a POST.
"""

from django.db import connections, transaction
from django.urls import re_path

from threadless.api.views import ChatCompletionsView, ModelDetailView, ModelListView

app_name = "threadless"

completions = ChatCompletionsView.as_view()
for alias in connections:
    # `ATOMIC_REQUESTS` would hold a transaction while the upstream is waited for, and take the ledger's row with it.
    completions = transaction.non_atomic_requests(using=alias)(completions)

urlpatterns = [
    re_path(r"^chats?/completions/?$", completions, name="chat-completions"),
    re_path(r"^models/?$", ModelListView.as_view(), name="models"),
    re_path(r"^models/(?P<name>.+?)/?$", ModelDetailView.as_view(), name="model"),
]
