"""Django's SQLite backend, whose connections are kept for whoever wants one next."""
