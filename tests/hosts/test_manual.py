"""The pages for hosts and operators: a project that follows one, block by block, does what the page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.scratch import ROOT, Block, ScratchProject, blocks_of
from tests.support.upstream import ScriptedUpstream, answer_normally

START: Final = ROOT / "docs" / "hosts.md"
EXAMPLE: Final = ROOT / "docs" / "hosts" / "example.md"
"""A module of the example platform, which has its own tests."""
OPERATION: Final = [ROOT / "docs" / f"{name}.md" for name in ("deployment", "monitoring", "upgrading")]
MAIL: Final = 'MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}'
"""A new project of Django 6.1 writes its mail to the console, which `check --deploy` refuses."""
SECONDS: Final = 600
"""A page may start twenty processes."""
PAGES: Final = [*sorted(set((ROOT / "docs" / "hosts").glob("*.md")) - {EXAMPLE}), *OPERATION]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchProject]:
    """A platform with a member of the staff, before it has threadless."""
    with ScriptedUpstream() as upstream:
        upstream.script(answer_normally)
        project = ScratchProject(tmp_path_factory.mktemp("platform"), upstream.base_url)
        project.run("django-admin startproject mysite .")
        project.write("mysite/settings.py", MAIL)
        project.run("python manage.py migrate -v0")
        superuser = "python manage.py createsuperuser --noinput --username alice --email alice@platform.example"
        project.run(f"DJANGO_SUPERUSER_PASSWORD=secret {superuser}")
        yield project


@pytest.fixture(scope="module")
def installed(platform: ScratchProject, tmp_path_factory: pytest.TempPathFactory) -> ScratchProject:
    """The platform after the first page. Its operator has a key in a file."""
    project = platform.copy(tmp_path_factory.mktemp("installed") / "mysite")
    for block in blocks_of(START):
        if block.file and not block.file.startswith("tests/"):
            project.follow(block)
    project.run("python manage.py migrate -v0")
    project.run("python manage.py create_api_key --user alice --name operator --scope CHATS:WRITE > key.txt")
    return project


def follow(project: ScratchProject, page: Path) -> None:
    try:
        for block in blocks_of(page):
            project.follow(block)
        project.finish()
    finally:
        project.close()


@pytest.mark.timeout(SECONDS)
def test_first_page_leads_to_an_answer(platform: ScratchProject, tmp_path: Path) -> None:
    follow(platform.copy(tmp_path / "mysite"), START)


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_leads_where_it_says(installed: ScratchProject, tmp_path: Path, page: Path) -> None:
    follow(installed.copy(tmp_path / "mysite"), page)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (Block("python", "print(1)\n"), "names no file"),
        (Block("json", "{}\n"), "names no file"),
        (Block("console", "output\n"), "begins with a command"),
        (Block("console", "$ false\n"), r"\$ false"),
        (Block("console", "$ echo one\ntwo\n"), "The page shows:\ntwo"),
        (Block("console", "$ python -m pip install django-threadless[none]\n"), "none"),
    ],
)
def test_block_that_does_not_run_fails(platform: ScratchProject, block: Block, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        platform.follow(block)
