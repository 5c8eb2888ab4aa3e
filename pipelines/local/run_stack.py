"""Owns `giftcert up`: a stack from its start to a stop signal, and what a person is told of it.

The stack itself is `stack`'s. Must be used from the main thread: signals arrive there.
"""

import json
from pathlib import Path
from time import sleep
from typing import TextIO

from pipelines.faults import OperatorError
from pipelines.interruption import ignore_stop_signals, stop_signals_interrupt
from pipelines.local.broker import say_on_stderr
from pipelines.local.neighbours import in_words
from pipelines.local.running_broker import LocalError, Say
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions, default_data_dir

_CHECK_INTERVAL_S = 0.2


def run_stack(options: StackOptions, *, out: TextIO, say: Say = say_on_stderr) -> int:
    """Run a stack until Ctrl-C, SIGTERM or SIGHUP, and give the exit code.

    Writes one line of JSON to `out` when it is ready; every other word goes to `say`. 0: stopped
    as asked. Otherwise something could not be started, ended by itself, or had to be killed.
    Must be called from the main thread.
    """
    stack = Stack(options, say=say)
    with stop_signals_interrupt():
        try:
            with stack:
                _say_where(stack, options.data_dir, say)
                out.write(_ready_line(stack))
                out.flush()
                failure = _await_failure(stack)
                ignore_stop_signals()
                return _report(failure, say)
        except KeyboardInterrupt:
            say("stopped")
            return 0 if stack.stopped_cleanly else 1
        except OperatorError as error:
            return _report(error, say)


def _ready_line(stack: Stack) -> str:
    ready = {
        "ready": True,
        "bootstrap": stack.bootstrap,
        "http": stack.http_urls[0],
        "docs": _docs_url(stack),
        "issuer": stack.issuer_url,
        "auditor": stack.auditor_url,
        "urls": stack.urls,
        "broker": stack.broker.kind,
    }
    return json.dumps(ready) + "\n"


def _say_where(stack: Stack, data_dir: Path, say: Say) -> None:
    """Tell a person what to open, and how to be let in."""
    say(f"Swagger UI at {_docs_url(stack)}")
    if stack.auditor_url is not None:
        say(f"the auditor's figures at {stack.auditor_url}/metrics")
    for line in in_words(stack.urls):
        say(line)
    if "store" in stack.urls:
        load = f"giftcert load numbers.csv --pool ELECTRONIC --bootstrap {stack.bootstrap}"
        say(f"numbers to sell: giftcert generate numbers.csv -n 1000, then {load}")
    if stack.client_secrets_file is None:
        say(f"tokens come from {stack.issuer_url}")
        return
    say(f"development issuer at {stack.issuer_url}; client secrets in {stack.client_secrets_file}")
    there = "" if data_dir == default_data_dir() else f" --data-dir {data_dir}"
    say(f"a token on the command line: giftcert token --client till{there}")


def _docs_url(stack: Stack) -> str:
    return f"{stack.http_urls[0]}/docs"


def _await_failure(stack: Stack) -> OperatorError:
    while (failure := stack.failure()) is None:
        sleep(_CHECK_INTERVAL_S)
    return failure


def _report(error: OperatorError, say: Say) -> int:
    if isinstance(error, LocalError) and error.detail:
        say(error.detail)
    say(str(error))
    return error.exit_code
