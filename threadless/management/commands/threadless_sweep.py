"""`manage.py threadless_sweep`: mark the rows that dead processes left open. For cron, and after an outage."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from threadless.usage.sweep import sweep
from threadless.usage.upkeep import upkeep


class Command(BaseCommand):
    """Safe to run at any time and as often as needed."""

    help = (
        "Mark usage records that are open past their deadline as interrupted, and print the number of marked records."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        while swept := sweep():
            total += swept
        upkeep()
        self.stdout.write(str(total))
