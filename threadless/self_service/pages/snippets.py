"""Examples to copy. Names of models may come from other users, so they are quoted for each language."""

from __future__ import annotations

import json
import shlex

_CURL = """curl "$OPENAI_BASE_URL/chat/completions" \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}"""

_PYTHON = """# pip install openai
from openai import OpenAI

client = OpenAI()  # reads OPENAI_BASE_URL and OPENAI_API_KEY
stream = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello!"}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""

_NODE = """// npm install openai, and save this file as hello.mjs
import OpenAI from "openai";

const client = new OpenAI();  // reads OPENAI_BASE_URL and OPENAI_API_KEY
const completion = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: "Hello!" }}],
}});
console.log(completion.choices[0].message.content);"""

KEY = 'curl "$OPENAI_BASE_URL/key" -H "Authorization: Bearer $OPENAI_API_KEY"'
"""Asks what a key may do and has used."""


def environment(base_url: str, secret: str) -> str:
    """The two variables that OpenAI clients read, for a shell."""
    return f"export OPENAI_BASE_URL={shlex.quote(base_url)}\nexport OPENAI_API_KEY={shlex.quote(secret)}"


def curl(model: str) -> str:
    """A shell command."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}]}
    return _CURL.format(body=shlex.quote(json.dumps(body, ensure_ascii=False)))


def python(model: str) -> str:
    """A script with the OpenAI SDK that shows a stream."""
    return _PYTHON.format(model=json.dumps(model))  # JSON's escapes are Python's


def node(model: str) -> str:
    """A module with the OpenAI SDK for JavaScript."""
    return _NODE.format(model=json.dumps(model))
