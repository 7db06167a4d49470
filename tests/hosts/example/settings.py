"""The example host's own settings, on a file: a stream is settled by a thread, which needs its own connection."""

import os
import tempfile
from pathlib import Path

from project.settings import *  # noqa: F403
from project.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "threadless.contrib.pooled_sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"harbour-{os.getpid()}.sqlite3")}
