"""Regular chats: conversations that the platform stores, with their own pages and API."""
