#!/usr/bin/env python
"""Django's command line for the example host platform."""

import importlib.util
import os
import sys


def main() -> None:
    missing = [package for package in ("django", "environ") if importlib.util.find_spec(package) is None]
    if missing:
        sys.exit(f'{" and ".join(missing)} cannot be imported. Run pip install -e ".[demo]" first.')
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.management import execute_from_command_line  # after the variable is set

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
