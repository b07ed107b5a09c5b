"""Keys of rules and alerts; see ``schema_keys``."""

from __future__ import annotations

from engine.schema_keys import (
    _ENTRY,
    COUNT,
    EXPRESSION,
    FLAG,
    NAME,
    NAME_OR_NAMES,
    NAMES,
    PATH,
    TEXT,
    VALUE,
    Keys,
    Shape,
    each,
    mapped,
    ref,
    text_or,
    words,
)

CHANNELS = ("inbox", "email", "wecom", "dingtalk", "feishu", "push", "webhook", "own", "wecom_app", "dingtalk_app",
            "feishu_app")  # fmt: skip
GIVES = ("text", "number", "integer", "yes_no", "date", "moment")
_TO: Shape = {"type": "array", "items": text_or("receiver")}
_CHANNELS: Shape = {"type": "array", "items": words(*CHANNELS)}

_PACE: Keys = {
    "urgent": (FLAG, "Passes everybody's quiet hours and daily digests."),
    "quiet": (TEXT, "Nothing leaves between these hours, as in 20:00-07:00; it waits."),
    "daily": (TEXT, "All of a day in one message for each person, at this hour, as in 17:30."),
}

RULE: Keys = {
    **_ENTRY,
    "help": (TEXT, "One sentence about it."),
    "of": (PATH, "Entity (or `entity.lines`) of `becomes`, `every` and `event`; the other triggers name it."),
    "when": (ref("trigger"), "What it waits for."),
    "if": (EXPRESSION, "Condition on the record."),
    "where": (EXPRESSION, "Which records, for `every`."),
    "then": (each(ref("action")), "What is done, in order."),
    "blocks": (FLAG, "When it fails, the save is refused."),
    "at_most": (ref("at_most"), "How often for one record."),
}
TRIGGER: Keys = {
    "created": (PATH, "A record of this entity is made."),
    "changed": (PATH, "A record of this entity is changed."),
    "fields": (NAME_OR_NAMES, "Only when one of these fields differs."),
    "transition": (PATH, "`entity.transition` is taken."),
    "becomes": (EXPRESSION, "This turns from false to true."),
    "again": (EXPRESSION, "Armed again when this holds (else as soon as `becomes` is false)."),
    "once": (FLAG, "Never again for the same record."),
    "crosses": (ref("crossing"), "A figure passes a threshold."),
    "date": (PATH, "`entity.field`: a date of the record; moves with it, goes with it."),
    "offset": (TEXT, "`-2 days`, `3 workdays`, `4 hours` from the date."),
    "at": (TEXT, "Hour of the day, as in 08:00 (else 09:00)."),
    "missed": (words("late", "skip", "merge"), "What was due while the server was down: done late, skipped, merged."),
    "every": (words("hour", "day", "week", "month"), "Again and again."),
    "day": (COUNT, "Day of the week (1 = Monday) or of the month."),
    "event": (PATH, "`plugin.event`: a plug-in says that this happened to a record of `of`."),
    "gives": (mapped(words(*GIVES)), "Values that come with the event, read as `event.name`: name and kind."),
}
CROSSING: Keys = {
    "of": (PATH, "Entity or `entity.lines`."),
    "value": (EXPRESSION, "The figure."),
    "reaches": (VALUE, "Passed upwards: a number or `= expression`."),
    "falls_below": (VALUE, "Passed downwards: a number or `= expression`."),
    "rearms_below": (VALUE, "With `reaches`: armed again below this."),
    "rearms_at": (VALUE, "With `falls_below`: armed again from this on."),
    "once": (FLAG, "Never again for the same record."),
}
AT_MOST: Keys = {"times": (COUNT, "How often."), "hours": (COUNT, "In how many hours (else 24).")}
ACTION: Keys = {
    "send": (words(*CHANNELS), "A message: into the inbox, by a channel, `own` = the channel each person prefers."),
    "to": (_TO, "Who gets it: a role, or {role}, {field}, {member}, {address}."),
    "channels": (_CHANNELS, "By these channels too."),
    "subject": (TEXT, "Subject of the message."),
    "say": (TEXT, "Text of the message."),
    "attach": (NAMES, "Print layouts that go with it."),
    "digest": (FLAG, "One message about all the records."),
    **_PACE,
    "set": (mapped(VALUE), "Fields of the record; a constant or `= expression`."),
    "create": (NAME, "Makes a record of this entity."),
    "draw": (PATH, "Draws `entity.source` from the record."),
    "fill": (mapped(VALUE), "Fields of what is made or drawn; a constant or `= expression`."),
    "take": (NAME, "Takes this transition."),
    "url": (TEXT, "Where a webhook goes; else the first channel of its kind."),
    "start": (PATH, "`plugin.action`: starts what a plug-in does, after the save."),
    "with": (mapped(VALUE), "Arguments of what is started; a constant or `= expression`."),
}
PLUGIN: Keys = {
    "enabled": (FLAG, "Whether it is on before an administrator says otherwise."),
    "settings": (
        mapped({"type": ["string", "number", "boolean", "array"], "items": VALUE}),
        "Its settings before an administrator changes them.",
    ),
}
RECEIVER: Keys = {
    "role": (NAME, "Everyone with the role."),
    "field": (PATH, "The member (or members) that a field holds."),
    "member": (EXPRESSION, "The member an expression gives."),
    "address": (EXPRESSION, "An e-mail address of the record."),
}
ALERT: Keys = {
    **_ENTRY,
    "help": (TEXT, "One sentence about it."),
    "of": (PATH, "Entity (or `entity.lines`) it watches."),
    "plan": (
        NAME,
        "Instead of `of`: what this plan suggests, reckoned anew every hour; one alert for each thing it plans.",
    ),
    "while": (EXPRESSION, "Open while this holds."),
    "until": (EXPRESSION, "Closed only when this holds: a band against flutter."),
    "color": (words("red", "orange", "yellow", "blue", "grey"), "Colour of the record."),
    "marks": (NAMES, "Fields that carry the colour."),
    "to": (_TO, "Who is told."),
    "channels": (_CHANNELS, "By these channels, beside the inbox."),
    "say": (TEXT, "What is told."),
    **_PACE,
    "levels": (each(ref("level")), "A ladder: the last level that holds counts."),
    "escalate": (each(ref("escalation")), "Who is told when nobody acknowledges."),
    "offers": (each(text_or("offer")), "Ways out: `plan.id`, or a block."),
}
LEVEL: Keys = {
    **_ENTRY,
    "while": (EXPRESSION, "Holds on this level."),
    "color": (words("red", "orange", "yellow", "blue", "grey"), "Colour of the record."),
    "to": (_TO, "Who is told."),
    "channels": (_CHANNELS, "By these channels, beside the inbox."),
    "say": (TEXT, "What is told."),
    "repeat": (TEXT, "Told again every so often, as in 7 days."),
    "urgent": (FLAG, "On this level it passes quiet hours and daily digests."),
}
ESCALATION: Keys = {
    "after": (TEXT, "How long, as in 24 hours or 8 work_hours."),
    "to": (_TO, "Who is told."),
}
OFFER: Keys = {
    **_ENTRY,
    "plan": (NAME, "A plan with its suggestions."),
    "set": (mapped(VALUE), "Fields of the record; a constant or `= expression`."),
    "snooze": (TEXT, "Silence for so long, as in 30 days."),
    "open": (NAME, "Opens a record of this entity, the one of `code`."),
    "code": (EXPRESSION, "The code of the record that `open` opens."),
}
