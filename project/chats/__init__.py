"""Regular chats: threads that the platform keeps, with a page and an API of their own."""
