"""Plug-ins: code of others that an administrator switches on, which acts with the rights it declares and no more.

Who writes one needs the names below and ``hookimpl`` of ``runtime.plugins.hooks``. What makes them run stands in the
modules beside: nothing of it, and no plug-in, is loaded before one is asked for.
"""

from engine.model import Text
from runtime.plugins.declare import Access, Act, Argument, Event, Plugin

__all__ = ["Access", "Act", "Argument", "Event", "Plugin", "Text"]
