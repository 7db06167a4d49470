"""The secrets of API keys: `<prefix>_<32 base62 characters>_<CRC32 as 6 base62 characters>`.

A single SHA-256 is enough for a secret of 190 random bits; slow password hashes protect secrets that can be guessed.
With the checksum, a typo or a false match of a secret scanner is refused without a query.
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
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]
"""All numbers of two base62 characters."""
SECRET_PATTERN: Final = re.compile(
    rf"(?P<signed>[A-Za-z0-9][A-Za-z0-9_-]*_[0-9A-Za-z]{{{_RANDOM_LENGTH}}})_(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)
"""The pattern for secret scanners. `is_well_formed` also verifies the checksum."""


def generate(prefix: str) -> str:
    """A new secret with 190 random bits."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    signed = f"{prefix}_{random}"
    return f"{signed}_{_checksum(signed)}"


def is_well_formed(secret: str) -> bool:
    """True if the text has the format and a valid checksum of a secret with any prefix."""
    match = SECRET_PATTERN.fullmatch(secret)
    return match is not None and _checksum(match["signed"]) == match["checksum"]


def digest(secret: str) -> str:
    """The hash that is stored and looked up: 64 hexadecimal characters."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(signed: str) -> str:
    rest, low = divmod(zlib.crc32(signed.encode()), len(_PAIRS))
    high, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]
