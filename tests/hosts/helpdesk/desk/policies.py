"""The DRF policies of the desk's own API: own header, own media type. DRF imports these before its views."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


class DeskAuthentication(BaseAuthentication):
    """`X-Desk-Credential: desk.….…`."""

    def authenticate(self, request: Request) -> Any:
        text = request.headers.get("X-Desk-Credential")
        if text is None:
            return None
        from tests.hosts.helpdesk.desk import credentials  # models, which are not loaded yet when DRF imports this

        credential = credentials.find(text)
        if credential is None:
            raise AuthenticationFailed("No such credential.")
        return credential.bearer, credential


class IsMember(BasePermission):
    """Requests with a valid credential."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated)


class OneTicketAtATime(BaseThrottle):
    """Refuses requests with the header `X-Hurry`."""

    def allow_request(self, request: Request, view: Any) -> bool:
        return "X-Hurry" not in request.headers


class DeskRenderer(JSONRenderer):
    """The desk's media type."""

    media_type = "application/vnd.desk+json"
    format = "desk"


class DeskParser(JSONParser):
    """The desk's media type."""

    media_type = "application/vnd.desk+json"
