"""A platform as it was before: teams, their keys, their accounts at providers, and what their chats cost."""
