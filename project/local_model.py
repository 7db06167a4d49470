"""A small real model served over the OpenAI API: `python -m project.local_model --model FILE --api-key KEY`.

It runs as a side process, so the platform talks to it over HTTP, as to any provider. It prints its address and runs
until it is stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

MODEL_NAME: Final = "smollm2-135m-instruct"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="GGUF file with the weights")
    parser.add_argument("--port", type=int, default=0, help="0 means any free port")
    parser.add_argument("--api-key", required=True)
    return parser.parse_args()


def parameters_of(model: Path, port: int, api_key: str) -> Any:
    """The parameters of llama.cpp."""
    import xllamacpp  # native code, which may be missing or lack a library

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL_NAME}  # otherwise the model's name is the path of the file
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [api_key]
    parameters.ui = False
    parameters.verbosity = 0
    parameters.sampling.temp = 0.0  # the default of a call: so small a model rambles at higher temperatures
    # The slots share the context: two concurrent calls with 2048 tokens each.
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    # Several threads wait for each other by spinning. On busy cores that is ten times slower than one thread.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    return parameters


def main() -> None:
    arguments = parse_arguments()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    import xllamacpp

    server = xllamacpp.Server(parameters_of(arguments.model, arguments.port, arguments.api_key))
    print(server.listening_address, flush=True)  # noqa: T201  (the parent process reads it)
    stopped.wait()
    sys.exit(0)


if __name__ == "__main__":
    main()
