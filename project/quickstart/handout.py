"""The commands and addresses that the quickstart prints."""

from __future__ import annotations

import json
from collections.abc import Callable

from project.quickstart.call import QUESTION
from project.quickstart.demo_data import Demo


def lines_to_copy(address: str, demo: Demo, heading: Callable[[str], str]) -> str:
    """Commands and addresses, ready to copy. The most important ones come last, where a terminal shows them."""
    body = json.dumps({"model": demo.agent_id, "stream": True, "messages": [{"role": "user", "content": QUESTION}]})
    return f"""
{heading("With curl")}
  curl -N {address}/api/v1/chat/completions \\
    -H "Authorization: Bearer {demo.key}" \\
    -H "Content-Type: application/json" \\
    -d '{body}'

{heading("With the openai SDK")}
  from openai import OpenAI
  client = OpenAI(base_url="{address}/api/v1", api_key="{demo.key}")
  answer = client.chat.completions.create(
      model="{demo.agent_id}", messages=[{{"role": "user", "content": "{QUESTION}"}}]
  )
  print(answer.choices[0].message.content)

{heading("In the browser")}
  Chats       {address}/
  API keys    {address}/account/api/
  Admin       {address}/admin/
  Report      {address}/admin/threadless_reports/usageday/
  Playground  {address}/api/v1/chat/completions
  Sign in     {demo.username} / {demo.password}"""
