"""The log of a process: sentences where a person should act, or one JSON line per event."""

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any

# The password in the address of a database or a store.
SECRET = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class JsonLines(logging.Formatter):
    """Writes an event as one JSON object; what it counted stands in ``extra={"facts": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line: when, how grave, who, the sentence, and the facts."""
        event: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            event["traceback"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(event, ensure_ascii=False, default=str)


def without_secrets(text: str) -> str:
    """The text with passwords in addresses masked."""
    return SECRET.sub(r"\1:***@", text)


def configuration(form: str) -> dict[str, Any] | None:
    """What ``logging.config`` takes for this form; nothing for text, where warnings alone reach a person.

    Entry points set it; a server hands it to each of its processes.
    """
    if form != "json":
        return None
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "mesip.logs.JsonLines"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }


def configure(form: str) -> None:
    """Set the handlers of this process; only an entry point does."""
    if asked := configuration(form):
        logging.config.dictConfig(asked)
