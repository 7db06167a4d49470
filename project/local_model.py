"""A small real model served over the OpenAI API: `python -m project.local_model --model FILE --api-key KEY`.

A side process, so that the platform talks to it over HTTP as to any provider. Prints its address and runs until it
is told to stop.
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
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", required=True)
    return parser.parse_args()


def parameters_of(model: Path, port: int, api_key: str) -> Any:
    """What llama.cpp is started with."""
    import xllamacpp  # brings native code, which may be missing or lack a library

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL_NAME}  # else the file's path shows up as the model's name
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [api_key]
    parameters.ui = False
    parameters.verbosity = 0
    parameters.sampling.temp = 0.0  # unless a call says otherwise: so small a model rambles when it may choose
    # The context is shared out among the slots: two calls at once, 2048 tokens each.
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    # Threads that wait for each other by spinning are ten times slower on busy cores than one alone.
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
    print(server.listening_address, flush=True)  # noqa: T201  (whoever started this reads it)
    stopped.wait()
    sys.exit(0)


if __name__ == "__main__":
    main()
