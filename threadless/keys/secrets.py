"""API-key secrets: made, recognised and digested. `<prefix>_<32 base62 characters>_<CRC32 as 6 base62 characters>`.

One plain SHA-256 is right for a secret of 190 random bits: slow password hashes protect guessable ones.
The checksum lets a typo, or a secret scanner's false find, be refused without a query.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH: Final = 32
"""62 ** 32 is just over 2 ** 190."""
_CHECKSUM_LENGTH: Final = 6
SECRET_PATTERN: Final = re.compile(
    rf"(?P<signed>[A-Za-z0-9][A-Za-z0-9_-]*_[0-9A-Za-z]{{{_RANDOM_LENGTH}}})_(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)
"""For secret scanners; `is_well_formed` verifies the checksum too."""


def generate(prefix: str) -> str:
    """A new secret with 190 random bits."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    signed = f"{prefix}_{random}"
    return f"{signed}_{_checksum(signed)}"


def is_well_formed(secret: str) -> bool:
    """True if the text has the form and the checksum of a secret that `generate` made, whatever its prefix."""
    match = SECRET_PATTERN.fullmatch(secret)
    return match is not None and _checksum(match["signed"]) == match["checksum"]


def digest(secret: str) -> str:
    """What is stored and looked up: 64 hexadecimal characters."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(signed: str) -> str:
    number = zlib.crc32(signed.encode())
    characters = []
    for _ in range(_CHECKSUM_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return "".join(reversed(characters))
