"""What the log looks like: a sentence a line, or JSON a line; either says of which request it speaks."""

import json
import logging
import time
from contextvars import ContextVar
from typing import Literal

#: The request that is being answered; empty outside of one.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
#: Fields that a record may carry beside its message: `log.info("...", extra={"seen": {"status": 200}})`.
FIELDS = "seen"


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, request, further fields, a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            said["request_id"] = request_id
        said |= getattr(record, FIELDS, {})
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


class Sentences(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname}:     {record.getMessage()}"
        if request_id := REQUEST_ID.get():
            line += f" [{request_id}]"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_as(form: Literal["text", "json"]) -> None:
    """From now on everything that is logged in this process looks so."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else Sentences())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
