"""`manage.py quickstart` from nothing: what it prints, how it fails and what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.contrib.auth.models import User
from django.core.management import CommandError

from project.accounts.models import ApiKey
from project.quickstart import places, server
from project.quickstart.demo_data import USERNAME, create_demo_data
from tests.project import canned as canned_upstream
from tests.project import quickstart_run
from threadless.models import UsageRecord

Running = tuple[subprocess.Popen[str], str]

pytestmark = pytest.mark.timeout(quickstart_run.SECONDS * 2)


@pytest.fixture(scope="module")
def canned() -> Iterator[dict[str, str]]:
    """Environment that names a running canned upstream."""
    with canned_upstream.serve("demo-key") as server:
        yield {
            "UPSTREAM_BASE_URL": f"{server.address}/v1",
            "UPSTREAM_API_KEY": "demo-key",
            "UPSTREAM_MODELS": "public-name=upstream-name",
        }


@pytest.fixture
def running(tmp_path: Path, canned: dict[str, str]) -> Iterator[Running]:
    """A quickstart that serves, and all that it has printed so far."""
    process = quickstart_run.serve(tmp_path / "demo.sqlite3", **canned)
    try:
        yield process, quickstart_run.read_until(process, "Ctrl-C")
    finally:
        process.terminate()
        process.communicate(timeout=quickstart_run.SECONDS)


def local_model_is_missing() -> str:
    """Why the embedded model cannot be tried here, or an empty text."""
    pytest.importorskip("xllamacpp", exc_type=ImportError)
    return "" if places.WEIGHTS.exists() else f"the weights are not in {places.MODEL.name}/; quickstart installs them"


def test_check_streams_an_answer_and_prints_its_usage_row(tmp_path: Path, canned: dict[str, str]) -> None:
    done = quickstart_run.check(tmp_path / "demo.sqlite3", **canned)
    assert done.returncode == 0, done.stderr
    assert "Answer:   This is a canned answer" in done.stdout
    assert re.search(r"target_model +upstream-name\n +state +completed", done.stdout)


def test_next_start_keeps_agents_key_and_password(db: None, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    assert create_demo_data("a", secrets) == create_demo_data("a", secrets)
    assert secrets.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", '{"database": "another", "key": "k", "password": "p"}'])
def test_without_the_secrets_of_this_database_the_key_is_new_and_the_old_one_is_revoked(
    db: None, tmp_path: Path, text: str
) -> None:
    secrets = tmp_path / "secrets.json"
    before = create_demo_data("a", secrets)
    secrets.write_text(text)
    after = create_demo_data("a", secrets)
    assert before.agent_id == after.agent_id
    assert ApiKey.objects.get(pk=before.key_id).revoked_at is not None
    assert ApiKey.objects.get(pk=after.key_id).revoked_at is None


def test_demo_has_labelled_calls_of_thirty_days_once(db: None, tmp_path: Path) -> None:
    create_demo_data("a", tmp_path / "secrets.json")
    create_demo_data("a", tmp_path / "secrets.json")
    rows = UsageRecord.objects.all()
    assert rows.filter(key_label__startswith="Demo data: ").count() == rows.count() == 2000
    assert 25 <= rows.dates("opened_at", "day").count() <= 31


def test_demo_data_hides_its_secrets_in_its_repr(db: None, tmp_path: Path) -> None:
    demo = create_demo_data("a", tmp_path / "secrets.json")
    assert demo.key not in repr(demo)
    assert demo.password not in repr(demo)


def test_check_with_the_embedded_model_gets_a_real_answer(tmp_path: Path) -> None:
    if reason := local_model_is_missing():
        pytest.skip(reason)
    done = quickstart_run.check(tmp_path / "demo.sqlite3")
    assert done.returncode == 0, done.stderr
    assert "embedded" in done.stdout
    assert re.search(r"completion_tokens +[1-9]", done.stdout)


def test_check_without_a_local_model_says_so_and_is_canned(tmp_path: Path) -> None:
    (tmp_path / "xllamacpp.py").write_text('raise ImportError("libgomp.so.1: cannot open shared object file")')
    done = quickstart_run.check(tmp_path / "demo.sqlite3", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "libgomp1" in done.stdout
    assert "Using canned answers instead." in done.stdout


def test_check_fails_when_the_upstream_refuses(tmp_path: Path, canned: dict[str, str]) -> None:
    done = quickstart_run.check(tmp_path / "demo.sqlite3", **canned | {"UPSTREAM_API_KEY": "wrong"})
    assert done.returncode == 1
    assert "The endpoint answered 50" in done.stderr


def test_check_leaves_the_hosts_own_database_alone(tmp_path: Path, canned: dict[str, str]) -> None:
    own = tmp_path / "own.sqlite3"
    quickstart_run.check(tmp_path / "demo.sqlite3", **canned, DATABASE_URL=f"sqlite:///{own}")
    assert not own.exists()


def test_check_fails_when_the_port_is_taken(tmp_path: Path, canned: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = quickstart_run.check(tmp_path / "demo.sqlite3", "--port", str(taken.getsockname()[1]), **canned)
    assert (done.returncode, "in use" in done.stderr) == (1, True)


def test_default_port_falls_back_to_a_free_one() -> None:
    with server.listen(None) as first, server.listen(None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]


def test_missing_package_is_reported_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "manage.py", "quickstart"]  # without the installed packages
    done = subprocess.run(command, cwd=quickstart_run.ROOT, env={}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == 'django and environ cannot be imported. Run pip install -e ".[demo]" first.\n'


def test_printed_curl_line_works_as_it_stands(running: Running) -> None:
    _, printed = running
    url, key = found(r"curl -N (\S+)", printed), found(r"Bearer (\S+)\"", printed)
    body = found(r"-d '(.*)'", printed)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert requests.post(url, body, headers=headers, timeout=30).text.endswith("data: [DONE]\n\n")


def test_printed_password_opens_all_printed_pages(running: Running) -> None:
    _, printed = running
    address = found(r"Server: +(\S+)", printed)
    username, password = found(r"Sign in +(\S+ / \S+)", printed).split(" / ")
    with requests.Session() as session:
        session.headers["Accept"] = "text/html"
        form = {"username": username, "password": password, "next": "/admin/"}
        form["csrfmiddlewaretoken"] = csrf_token_of(session.get(f"{address}/accounts/login/", timeout=30))
        page = session.post(f"{address}/accounts/login/", form, timeout=30)
        assert (page.url, page.status_code) == (f"{address}/admin/", 200)
        for name in ("Chats", "API keys", "Report", "Playground"):
            assert session.get(found(rf"{name} +(http\S+)", printed), timeout=30).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_stops_everything(running: Running, number: signal.Signals) -> None:
    process, _ = running
    children = quickstart_run.children_of(process)
    process.send_signal(number)
    process.wait(timeout=quickstart_run.SECONDS)
    assert children
    assert not [pid for pid in children if quickstart_run.is_alive(pid)]
    assert process.returncode == 0


def test_dead_server_ends_the_demo(running: Running) -> None:
    process, _ = running
    for pid in quickstart_run.children_of(process):
        os.kill(pid, signal.SIGKILL)
    assert "server has ended" in process.communicate(timeout=quickstart_run.SECONDS)[0]
    assert process.returncode == 1


def csrf_token_of(page: requests.Response) -> str:
    """The hidden field of a form."""
    return found(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)


def found(pattern: str, text: str) -> str:
    """The first group of a pattern that must occur."""
    match = re.search(pattern, text)
    assert match is not None
    return match[1]


@pytest.mark.django_db
def test_user_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    stranger = User.objects.create_user(USERNAME, email="demo@example.org", is_active=False)
    with pytest.raises(CommandError, match="already has a user"):
        create_demo_data("a", tmp_path / "secrets.json")
    stranger.refresh_from_db()
    assert (stranger.is_active, stranger.is_superuser) == (False, False)
