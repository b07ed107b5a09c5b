"""How the server logs: one event a line, faults with a plain traceback that shows no values (they may be secret)."""

from __future__ import annotations

import structlog


def configure() -> None:
    """Set up the log of this process; once is enough.

    Without it a fault would be shown with every value of every call: secrets, and whole models that take minutes to
    print.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
