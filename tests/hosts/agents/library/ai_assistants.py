"""The assistant as it was before. Its own chats are stored in threads."""

from django.conf import settings
from django_ai_assistant import AIAssistant, method_tool
from langchain_openai import ChatOpenAI


class Librarian(AIAssistant):
    id = "librarian"
    name = "Librarian"
    instructions = "You know where every book stands."
    model = "m"

    def get_llm(self):
        return ChatOpenAI(model=self.model, base_url=settings.LLM_URL, api_key="key", max_retries=0)

    @method_tool
    def shelf(self, book: str) -> str:
        """Where a book stands."""
        return f"{book} stands on the shelf of {self._user}."
