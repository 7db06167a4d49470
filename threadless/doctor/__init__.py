"""Checks of a running installation, as functions. `manage.py threadless_doctor` prints them."""
