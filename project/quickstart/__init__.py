"""The parts of `manage.py quickstart`: an upstream, demo data, a production server and one real call."""
