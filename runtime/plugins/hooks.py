"""The hooks a plug-in fills in, marked with ``hookimpl``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pluggy

from runtime.plugins.declare import Plugin
from runtime.plugins.work import Work

PROJECT = "dougong"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Spec:
    """What may be asked of a plug-in."""

    @hookspec
    def dougong_plugin(self) -> Plugin:  # type: ignore[empty-body]
        """What it says about itself."""

    @hookspec(firstresult=True)
    def dougong_run(self, act: str, given: Mapping[str, Any], at: Work) -> object:
        """Do what it calls ``act``, with the arguments ``given``; through ``at`` it reads, writes and tells."""
