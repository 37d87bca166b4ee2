"""Logs as one JSON object a line, with the key of the object that a line is about. `controller.main` sets them up."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_FIELDS = ("key", "watch", "error", "remedy", "trace")
"""What a line may carry beside its message: `extra={"key": ...}`."""


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({field: getattr(record, field) for field in _FIELDS if hasattr(record, field)})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: str = "info", stream: TextIO = sys.stderr) -> None:
    """Log as JSON lines from `level` on; libraries only what they warn of."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("controller").setLevel(level.upper())
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of ends in an error that says more
