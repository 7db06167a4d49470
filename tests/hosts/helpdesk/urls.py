"""Routes of the help desk, and the one line."""

from django.urls import include, path

from tests.hosts.helpdesk.urls_before import urlpatterns as desk_patterns

urlpatterns = [*desk_patterns, path("gate/llm/", include("threadless.urls"))]
