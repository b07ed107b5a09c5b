"""The ways out: e-mail, apps, group robots, webhooks, web push. ``CHANNELS`` is the closed table of kinds.

A kind is given what was configured and letters, and says of each letter what became of it. It knows no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runtime.channels.apps import DINGTALK_APP, FEISHU_APP, WECOM_APP
from runtime.channels.dingtalk import DINGTALK
from runtime.channels.email import EMAIL
from runtime.channels.feishu import FEISHU
from runtime.channels.letters import Answer, ChannelKind, Letter, Setting, Verdict, Wire, masked
from runtime.channels.push import PUSH
from runtime.channels.webhook import WEBHOOK
from runtime.channels.wecom import WECOM

CHANNELS: Mapping[str, ChannelKind] = MappingProxyType(
    {kind.id: kind for kind in (EMAIL, WECOM_APP, DINGTALK_APP, FEISHU_APP, WECOM, DINGTALK, FEISHU, WEBHOOK, PUSH)}
)

__all__ = ["CHANNELS", "Answer", "ChannelKind", "Letter", "Setting", "Verdict", "Wire", "masked"]
