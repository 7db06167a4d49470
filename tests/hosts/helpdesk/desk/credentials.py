"""Makes and recognises credentials: `desk.<public part>.<secret part>`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from django.conf import settings

from tests.hosts.helpdesk.desk.models import Credential, Member


def issue(bearer: Member, rights: Iterable[str] = ("robot",), remark: str = "") -> str:
    """A new credential; the only time that it is seen whole."""
    public_part, secret_part, salt = secrets.token_hex(6), secrets.token_urlsafe(24), secrets.token_bytes(16)
    credential = Credential.objects.create(
        public_part=public_part, salt=salt, fingerprint=_fingerprint(salt, secret_part), bearer=bearer, remark=remark
    )
    for code in rights:
        credential.rights.get_or_create(code=code)
    return f"desk.{public_part}.{secret_part}"


def find(text: str) -> Credential | None:
    """The credential, or None for a wrong or void one, and for one whose bearer has left."""
    house, _, rest = text.partition(".")
    public_part, _, secret_part = rest.partition(".")
    credential = Credential.objects.select_related("bearer").filter(public_part=public_part, is_void=False).first()
    if house != "desk" or credential is None or not credential.bearer.is_active:
        return None
    given = _fingerprint(bytes(credential.salt), secret_part)
    return credential if hmac.compare_digest(given, bytes(credential.fingerprint)) else None


def _fingerprint(salt: bytes, secret_part: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode() + salt, secret_part.encode(), hashlib.sha256)
