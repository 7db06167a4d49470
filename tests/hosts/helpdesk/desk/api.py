"""The desk's own API, in its own error form."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from tests.hosts.helpdesk.desk.models import Ticket
from tests.hosts.helpdesk.desk.robot import words


def desk_errors(error: Exception, context: dict[str, Any]) -> Response | None:
    """The desk's error form."""
    response = exception_handler(error, context)
    if response is not None:
        response.data = {"fault": response.status_code, "text": json.loads(json.dumps(response.data))}
    return response


class TicketsView(APIView):
    """Lists, opens and spoils tickets."""

    def get(self, request: Request) -> Response:
        return Response({"tickets": [ticket.subject for ticket in Ticket.objects.order_by("pk")]})

    def post(self, request: Request) -> Response:
        Ticket.objects.create(subject=request.data["subject"])
        return Response({"reply": "".join(words([{"content": request.data["subject"]}]))}, status=201)

    def put(self, request: Request) -> Response:
        return Response({"is_atomic": connection.in_atomic_block})
