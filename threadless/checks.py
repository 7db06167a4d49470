"""System checks of the `THREADLESS` setting."""
