"""`manage.py threadless_sweep`: marks what dead processes left open; for cron, and after an outage."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from threadless.usage.sweep import sweep


class Command(BaseCommand):
    """May run at any time and as often as one likes."""

    help = "Mark usage records that are open past their deadline as interrupted, and print how many."

    def handle(self, *args: Any, **options: Any) -> None:
        total = 0
        while swept := sweep():
            total += swept
        self.stdout.write(str(total))
