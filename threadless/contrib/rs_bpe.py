"""Counts the tokens of OpenAI's models exactly and offline: `"TOKEN_COUNTER": "threadless.contrib.rs_bpe.count"`.

Install it with `pip install "django-threadless[tokens]"`. The vocabularies are part of the package.
"""

from __future__ import annotations

import re
from typing import Final

from rs_bpe import openai

_OLDER: Final = re.compile(r"gpt-(3\.5|35|4)(?![.\w])")
"""Matches models up to GPT-4 Turbo. All other models are counted with the newer vocabulary."""


def count(text: str, model: str) -> int:
    """The number of tokens of the text. `model` is the upstream's name of the model."""
    tokenizer = openai.cl100k_base() if _OLDER.search(model) else openai.o200k_base()
    return int(tokenizer.count(text.encode(errors="replace").decode()))
