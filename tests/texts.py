"""`python -m tests.texts`: writes every text that a person reads into `tests/texts.txt`, grouped by file.

The file shows a reviewer all messages, help texts, labels and headings on one page, and a change of wording in the
diff. `tests/test_texts.py` compares it with a fresh run.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = ROOT / "tests" / "texts.txt"
FOLDERS: Final = ("threadless", "project", "docs")
PAGES: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
SUFFIXES: Final = (".py", ".html", ".js", ".css", ".md")

_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_LABELS: Final = {"help", "help_text", "verbose_name", "verbose_name_plural", "short_description", "description"}
_TRANSLATORS: Final = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
_WITH_CONTEXT: Final = {"pgettext", "pgettext_lazy"}
"""Their first argument is the context, which nobody reads."""
_CODE: Final = re.compile(r"<|PRAGMA |(SELECT|INSERT|UPDATE|DELETE|PRAGMA|SET|WITH) [A-Z*\"]|[a-z-]+=[^ ]*;|[({\[]\?")
_JS_STRING: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
_TRANSLATE_TAG: Final = re.compile(r"\{% translate (\"[^\"]*\"|'[^']*').*?%\}")
_TEMPLATE_TAG: Final = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def sources() -> list[Path]:
    """The files whose texts are listed, relative to the root."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    pages = [ROOT / page for page in PAGES if (ROOT / page).exists()]
    return sorted(path.relative_to(ROOT) for path in found + pages if "migrations" not in path.parts)


def texts(path: Path) -> list[str]:
    """What a person reads of this file, in its order: messages, labels, headings, first lines of docstrings."""
    content = (ROOT / path).read_text()
    readers = {".py": _python, ".html": _template, ".js": _script, ".css": _nothing, ".md": _headings}
    found = (" ".join(text.split()) for text in readers[path.suffix](content))
    return list(dict.fromkeys(text for text in found if text))


def prose(path: Path) -> str:
    """Every text of this file, and all its docstrings and comments, on one line."""
    content = (ROOT / path).read_text()
    if path.suffix != ".py":
        return " ".join(content.split())
    strings = [node.value for node in ast.walk(ast.parse(content)) if _is_text(node)]  # type: ignore[attr-defined]
    comments = [
        token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(content).readline)
        if token.type == tokenize.COMMENT
    ]
    return " ".join(" ".join(strings + comments).split())


def render() -> str:
    """The content of `tests/texts.txt`."""
    listed = {path.as_posix(): texts(path) for path in sources()}
    groups = (f"\n== {path}\n" + "".join(f"{text}\n" for text in found) for path, found in listed.items() if found)
    return "Written by `python -m tests.texts`. Do not edit.\n" + "".join(groups)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _python(content: str) -> Iterator[str]:
    module = ast.parse(content)
    hidden = {id(part) for node in ast.walk(module) for part in _hidden(node)}
    for node in _in_order(module):
        if id(node) not in hidden:
            yield from _labels(node) if isinstance(node, ast.Call | ast.keyword | ast.Assign) else _texts_of(node)


def _texts_of(node: ast.AST) -> Iterator[str]:
    """The text of a docstring, a string or an f-string."""
    if isinstance(node, _DOCUMENTED):
        yield from _summary(node)
    elif isinstance(node, ast.JoinedStr):
        yield from _message(_joined(node))
    elif _is_text(node):
        yield from _message(node.value)  # type: ignore[attr-defined]


def _labels(node: ast.Call | ast.keyword | ast.Assign) -> Iterator[str]:
    """Translated strings and labels, which are texts however short they are."""
    values: list[ast.expr] = []
    if isinstance(node, ast.Call) and ast.unparse(node.func) in _TRANSLATORS:
        values = node.args
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in _WITH_CONTEXT:
        values = node.args[1:]
    elif not isinstance(node, ast.Call) and _name(node) in _LABELS:
        values = [node.value]
    yield from (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))


def _name(node: ast.keyword | ast.Assign) -> str | None:
    return node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def _hidden(node: ast.AST) -> Iterator[ast.AST]:
    """Strings that are docstrings, regular expressions or parts of an f-string."""
    if isinstance(node, ast.Expr) and _is_text(node.value):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for value in node.values for part in ast.walk(value))
    elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
        yield from (part for argument in node.args for part in ast.walk(argument))


def _summary(node: ast.AST) -> Iterator[str]:
    """The first line of the docstring of a public module, class or function."""
    docstring = ast.get_docstring(node)  # type: ignore[arg-type]
    if docstring and not getattr(node, "name", "").startswith("_"):
        yield docstring.split("\n\n", 1)[0]


def _joined(node: ast.JoinedStr) -> str:
    """An f-string with its expressions in braces."""
    values = [value.value if isinstance(value, ast.Constant) else f"{{{_expression(value)}}}" for value in node.values]
    return "".join(str(value) for value in values)


def _expression(value: ast.expr) -> str:
    return ast.unparse(value.value) if isinstance(value, ast.FormattedValue) else ast.unparse(value)


def _message(text: str) -> Iterator[str]:
    """The text if it has at least three words and is no code."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\{[^}]*\}", "", text))
    if len(text.split()) > 2 and len(words) > 1 and not _CODE.match(text.strip()):
        yield text


class _Text(HTMLParser):
    """Collects the visible text and the labels of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in ("aria-label", "placeholder", "title", "alt") or name.startswith("data-")):
                self.found += [value] if " " in value.strip() else []

    def handle_data(self, data: str) -> None:
        self.found += [data] if re.search(r"[A-Za-z]{2}", re.sub(r"\{\{.*?\}\}", "", data)) else []


def _template(content: str) -> Iterator[str]:
    shown = _TRANSLATE_TAG.sub(lambda tag: tag[1][1:-1].replace('"', "&quot;"), content)
    parser = _Text()
    parser.feed(_TEMPLATE_TAG.sub("", shown))
    yield from parser.found


def _script(content: str) -> Iterator[str]:
    for quoted, template in _JS_STRING.findall(content):
        yield from _message(quoted or template)


def _headings(content: str) -> Iterator[str]:
    is_code = False
    for line in content.splitlines():
        is_code ^= line.lstrip().startswith("```")
        if not is_code and line.startswith("#"):
            yield line


def _nothing(content: str) -> Iterator[str]:
    yield from ()


if __name__ == "__main__":
    OUTPUT.write_text(render())
    print(OUTPUT.relative_to(ROOT))
