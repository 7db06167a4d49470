"""The platform's agents: an assistant of django-ai-assistant and an agent of Pydantic AI."""
