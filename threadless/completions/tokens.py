"""Counts tokens if the upstream reports none.

The setting `TOKEN_COUNTER` can name another function `(text, model) -> tokens`, such as an offline tokenizer.
"""

from __future__ import annotations

import logging

from threadless.conf import conf

logger = logging.getLogger("threadless")

_BYTES_PER_TOKEN = 4


def estimate_tokens(text: str, model: str) -> int:  # noqa: ARG001  (other counters use the model)
    """A quarter of the UTF-8 bytes, rounded up. Byte-pair encodings average about four bytes per token."""
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)


def count_tokens(text: str, model: str) -> int:
    """Tokens of the text by the configured counter, or an estimate if the counter fails."""
    if not text:
        return 0
    try:
        return conf.token_counter(text, model)
    except Exception:  # some tokenizers refuse special tokens, which any client can send
        logger.exception("TOKEN_COUNTER failed; the tokens are estimated.")
        return estimate_tokens(text, model)
