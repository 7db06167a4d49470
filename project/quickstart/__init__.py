"""What `manage.py quickstart` is made of: an upstream, demo data, a production server and one real call."""
