"""Check that the installed package is complete: `check_wheel.py WHEEL SOURCE_FOLDER`, in an environment with the wheel.

Fails if the wheel lacks a file of the source folder, or if a module, a page or a call needs something that is missing.
"""

import importlib
import pkgutil
import re
import sys
import zipfile
from pathlib import Path

import django

OPTIONAL = ("threadless.contrib.", "threadless.testing.conformance")
"""Modules for other packages, which this environment lacks."""


def check_files(wheel: Path, source: Path) -> None:
    """The wheel contains the files of the source folder, and no other packages."""
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {path.relative_to(source.parent) for path in source.rglob("*") if path.is_file()}
    expected = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    assert packed == expected, packed ^ expected


def check_description(wheel: Path) -> None:
    """The text for a package index has no link or picture that works in the repository only."""
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    description = archive.read(name).decode().partition("\n\n")[2]
    assert description.startswith("# threadless"), description[:100]
    assert not re.findall(r"\]\((?!https?://|#)[^)]*\)", description)


def check_modules() -> None:
    """Every module can be imported. Modules for an optional package may miss that package only."""
    import threadless

    assert "site-packages" in threadless.__file__, threadless.__file__
    for module in pkgutil.walk_packages(threadless.__path__, "threadless."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if not module.name.startswith(OPTIONAL) or str(error.name).startswith("threadless"):
                raise


def check_pages() -> None:
    """The pages, their static files and the endpoint work."""
    from django.contrib.auth.models import User
    from django.contrib.staticfiles.finders import find
    from django.test import Client

    from threadless.keys.models import APIKey

    user = User.objects.create_superuser("alice")
    _, secret = APIKey.objects.issue(name="laptop", user=user, scopes=["CHATS:WRITE"])
    body = {"model": "small", "messages": [{"role": "user", "content": "Hello"}]}
    key = {"Authorization": f"Bearer {secret}"}
    answer = Client().post("/api/v1/chat/completions", body, content_type="application/json", headers=key)
    assert answer.status_code == 200, answer.content
    client = Client()
    client.force_login(user)
    for page in ("/api/v1/chat/completions", "/admin/threadless/apikey/add/", "/admin/threadless/usagerecord/"):
        assert client.get(page, headers={"Accept": "text/html"}).status_code == 200, page
    for name in ("admin.css", "copy.js", "playground.css", "playground/playground.css", "playground/start.js"):
        assert find(f"threadless/{name}"), name


if __name__ == "__main__":
    check_files(Path(sys.argv[1]), Path(sys.argv[2]))
    check_description(Path(sys.argv[1]))
    django.setup()
    check_pages()
    check_modules()  # last: it also imports the admin of apps that are not installed
