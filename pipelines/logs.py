"""One form for every log line: our own, and those of the libraries below us.

Owns the set-up (JSON or console, to standard error) and the rule that no line carries a secret or a
whole certificate number. Must not decide what is worth logging.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_DROPPED: Final = frozenset(
    {"address", "authorization", "cvc", "password", "secret", "token", "access_token"}
)
_NUMBERS: Final = frozenset(
    {"certificate", "certificate_id", "certificate_ids", "certificateid", "number", "numbers"}
)
_IN_ADDRESS: Final = re.compile(r"(/certificates/)[A-Z0-9-]{2,28}([A-Z0-9-]{4})(?![A-Z0-9-])")
_SHOWN: Final = 4
# They write whole addresses, query and all, at INFO.
_TALKATIVE: Final = ("httpx", "httpcore", "uvicorn.access")
# They tell of a collector that is down at every batch; the sender of spans does so once a while.
_SPOKEN_FOR: Final = ("opentelemetry", "urllib3")


def configure_logs(
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"], form: Literal["json", "console"]
) -> None:
    """Send every log line of this process to standard error in one form. May be called again.

    A library's logger must not have a handler of its own: pass `loglevel=None` to the stream
    library, `log_config=None` to the web server, and a `logging` logger to Kafka clients.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _ToStandardError(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # A traceback as plain text: the pretty ones print local variables.
                structlog.processors.format_exc_info,
                hide_secrets,
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    for earlier in root.handlers[:]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _SPOKEN_FOR:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment.

    Whoever has replaced it for a while (the runner of a command, a bar on a terminal) closes its
    own when it is done, and threads may go on.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging for each line, one at a time."""
        self.stream = sys.stderr
        super().emit(record)


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: secrets out, certificate numbers cut to their last four."""
    return {name: _hidden(name, value) for name, value in event.items() if not _dropped(name)}


def _hidden(name: str, value: object) -> object:
    match value:
        case str():
            shown = _last_four(value) if name.lower() in _NUMBERS else value
            return _IN_ADDRESS.sub(r"\1…\2", shown)
        case Mapping():
            return {
                inner: _hidden(str(inner), found)
                for inner, found in value.items()
                if not _dropped(str(inner))
            }
        case list() | tuple() | set() | frozenset():
            return [_hidden(name, found) for found in value]
        case _:
            return value


def _dropped(name: str) -> bool:
    return name.lower() in _DROPPED


def _last_four(number: str) -> str:
    return f"…{number[-_SHOWN:]}" if len(number) > _SHOWN else "…"


def _renderer(form: Literal["json", "console"]) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
