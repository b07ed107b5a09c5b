"""How the server logs: one event a line, faults with a plain traceback that shows no values (they may be secret).

Loaded when there is something to say: most starts have nothing to say for hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


def logger(name: str) -> FilteringBoundLogger:
    """The log under this name.

    Without our settings a fault would be shown with every value of every call: secrets, and whole models that take
    minutes to print.
    """
    import structlog

    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
                structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            ]
        )
    found: FilteringBoundLogger = structlog.get_logger(name)
    return found
