"""Attacks on the example host, one a row: how long they stop it, how much memory they take, what they do to others.

`python -m benchmarks.hostile` runs them. Four processes take part: the server (gunicorn with one gevent worker), the
`observer` (health checks and the victim's calls), the hostile `upstream`, and the one that runs the attack.
"""

from typing import Final

MODEL: Final = "hostile"
"""What attackers ask for; victims ask for another model on another upstream."""
