"""Structured logs: one JSON object a line, which says for which turn, conversation and butler it was written."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import ClassVar

from bot.redaction import Redactor

_MEGABYTE = 1_000_000
_fields: ContextVar[dict[str, object]] = ContextVar("fields", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Put fields such as turn, conversation and butler into every line that is logged inside."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON without secrets."""

    known: ClassVar[frozenset[str]] = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def __init__(self, process: str, redactor: Redactor) -> None:
        super().__init__()
        self._process = process
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields.get(),
            **{key: value for key, value in vars(record).items() if key not in self.known},
        }
        if record.exc_info:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return self._redactor.clean(json.dumps(line, default=str, ensure_ascii=False))


def start_logging(process: str, redactor: Redactor, folder: Path | None = None) -> None:
    """Send this process's log to a file of its own in `folder`, or to standard error."""
    output: logging.Handler = logging.StreamHandler(sys.stderr)
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = RotatingFileHandler(
            folder / f"{process}.log", maxBytes=5 * _MEGABYTE, backupCount=3, encoding="utf-8", delay=True
        )
    output.setFormatter(JsonLines(process, redactor))
    logging.basicConfig(level=logging.INFO, handlers=[output], force=True)
    # These tell each request at INFO, with the bot's token in the address.
    for name in ("httpx", "httpx2", "httpcore", "telegram", "rq", "rq_scheduler", "alembic", "anthropic"):
        logging.getLogger(name).setLevel(logging.WARNING)
