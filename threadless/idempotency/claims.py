"""`Claim`: the key of one call and a fingerprint of its request, as digests that only this platform can make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from django.utils.crypto import salted_hmac

from threadless.encoding import encode
from threadless.exceptions import InvalidRequest
from threadless.idempotency.errors import HEADER
from threadless.types import Caller

if TYPE_CHECKING:
    from threadless.calls.call import Call

_KEY_SALT: Final = "threadless.idempotency.key"
_REQUEST_SALT: Final = "threadless.idempotency.request"
_CHARACTERS: Final = r"[!#-+\--\[\]-~]{1,255}"
PATTERN: Final = f'{_CHARACTERS}|"{_CHARACTERS}"'
"""Printable ASCII without spaces, quotes, commas and backslashes, as it is or as a string in quotes (RFC 9651). In this
form the regular expression suits JSON Schema too."""
_is_key: Final = re.compile(PATTERN).fullmatch


class Claim(NamedTuple):
    """The key of a call, and for which request it is used."""

    digest: str
    """Of the caller and the key, so that callers never meet."""
    fingerprint: str
    """Of the API and each top-level field of the request, in any order."""


def claim_of(call: Call, header: str) -> Claim:
    """The claim of a call that sent this header. Raises `InvalidRequest`."""
    if not _is_key(header := header.strip()):
        raise InvalidRequest(
            f"The header '{HEADER}' must have 1 to 255 printable ASCII characters, without spaces, quotes, commas and "
            "backslashes.",
            param=HEADER,
        )
    return Claim(_digest(call.caller, header.strip('"')), _fingerprint(call))


def _digest(caller: Caller, key: str) -> str:
    user_id = "" if caller.user_id is None else str(caller.user_id)
    return salted_hmac(_KEY_SALT, encode([caller.account, caller.key_id, user_id, key]), algorithm="sha256").hexdigest()


def _fingerprint(call: Call) -> str:
    fields = call.asked.request.fields
    mac = salted_hmac(_REQUEST_SALT, encode([call.dialect.operation, len(fields)]), algorithm="sha256")
    for name in sorted(fields):
        mac.update(encode([name, len(fields[name])]))
        mac.update(fields[name])
    return mac.hexdigest()
