"""The platform's users: they sign in with their e-mail address, and have a UUID as primary key."""
