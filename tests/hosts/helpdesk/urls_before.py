"""Routes of the help desk as it was."""

from django.urls import path

from tests.hosts.helpdesk.desk.api import TicketsView
from tests.hosts.helpdesk.desk.pages import home

urlpatterns = [
    path("helpdesk/", home),
    path("helpdesk/about/", home),
    path("helpdesk/api/tickets/", TicketsView.as_view()),
]
