"""Programs for the owner of a new key, ready to paste: with the real key, address and model."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from threadless.admin.targets import seen_by_key


class Snippet(NamedTuple):
    """One program."""

    id: str
    title: str
    text: str

    def __repr__(self) -> str:  # the text has the secret, and debug pages show `repr`
        return f"Snippet({self.id})"


def base_url_of(request: HttpRequest) -> str:
    """The base URL for clients, or an empty string if the host does not include our routes.

    Behind a proxy its scheme and host are those that the client used, if Django is set up to trust the proxy
    (`SECURE_PROXY_SSL_HEADER`, `USE_X_FORWARDED_HOST`).
    """
    try:
        path = reverse("threadless:chat-completions")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(path).rstrip("/").removesuffix("/chat/completions")


@sensitive_variables()
def snippets_for(key: Any, secret: str, base_url: str) -> list[Snippet]:
    """The programs, or none if the host has no routes of ours. The model is the first one that the key may call."""
    if not base_url:
        return []
    model = next((target.id for target in seen_by_key(key)), "")
    chat = [
        Snippet("curl", "curl", _curl(secret, base_url, model)),
        Snippet("python", "Python", _python(secret, base_url, model)),
        Snippet("node", "Node", _node(secret, base_url, model)),
    ]
    return [*(chat if model else ()), Snippet("webui", "Open WebUI", _open_webui(secret, base_url))]


def _curl(secret: str, base_url: str, model: str) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}, ensure_ascii=False)
    return (
        f"curl {shlex.quote(base_url + '/chat/completions')} \\\n"
        f"  -H {shlex.quote('Authorization: Bearer ' + secret)} \\\n"
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )


def _python(secret: str, base_url: str, model: str) -> str:
    return f"""# pip install openai
from openai import OpenAI

client = OpenAI(
    base_url={_quoted(base_url)},
    api_key={_quoted(secret)},
)
completion = client.chat.completions.create(
    model={_quoted(model)},
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(completion.choices[0].message.content)"""


def _node(secret: str, base_url: str, model: str) -> str:
    return f"""// npm install openai, and save this file as hello.mjs
import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {_quoted(base_url)},
  apiKey: {_quoted(secret)},
}});
const completion = await client.chat.completions.create({{
  model: {_quoted(model)},
  messages: [{{ role: "user", content: "Hello!" }}],
}});
console.log(completion.choices[0].message.content);"""


def _open_webui(secret: str, base_url: str) -> str:
    return f"export OPENAI_API_BASE_URL={shlex.quote(base_url)}\nexport OPENAI_API_KEY={shlex.quote(secret)}"


def _quoted(text: str) -> str:
    """A string literal of Python and of JavaScript."""
    return json.dumps(text, ensure_ascii=False)
