"""The compiled application: frozen objects that everything after the compiler reads.

Nothing here knows YAML. Ids are those of the template; every ``Expr`` is typed and resolved.
All defaults are filled: a reader never asks "what if it is missing".
"""

from engine.model.apps import AppModel, Entity, EntityKind
from engine.model.fields import Check, Field, Measured, Measuring, Numbering, Option, Progress, Segment
from engine.model.figures import Card, CardPart, Chart, Column, Dashboard, Report, ReportMeasure
from engine.model.flows import (
    Allot,
    Approval,
    Copy,
    Deadline,
    Demand,
    Explode,
    Fits,
    Later,
    Posting,
    Source,
    State,
    Step,
    Traced,
    Transition,
    Who,
    Workflow,
)
from engine.model.ledgers import Allocation, Dimension, Guard, Ledger, Measure, Resource, Valuation
from engine.model.plans import Plan, PlanFlow, Structure, Suggest
from engine.model.roles import Role, RowRule
from engine.model.rules import Action, Alert, Escalation, Level, Offer, Pace, PluginChoice, Receiver, Rule, Trigger
from engine.model.stations import Queue, Station, StationAct
from engine.model.views import FirstStep, Form, FormSection, MenuGroup, Opening, Print, PrintBlock, View, WhatIf
from engine.model.words import Message, Origin, Text

__all__ = [
    "Action",
    "Alert",
    "Allocation",
    "Allot",
    "AppModel",
    "Approval",
    "Card",
    "CardPart",
    "Chart",
    "Check",
    "Column",
    "Copy",
    "Dashboard",
    "Deadline",
    "Demand",
    "Dimension",
    "Entity",
    "EntityKind",
    "Escalation",
    "Explode",
    "Field",
    "FirstStep",
    "Fits",
    "Form",
    "FormSection",
    "Guard",
    "Later",
    "Ledger",
    "Level",
    "Measure",
    "Measured",
    "Measuring",
    "MenuGroup",
    "Message",
    "Numbering",
    "Offer",
    "Opening",
    "Option",
    "Origin",
    "Pace",
    "Plan",
    "PlanFlow",
    "PluginChoice",
    "Posting",
    "Print",
    "PrintBlock",
    "Progress",
    "Queue",
    "Receiver",
    "Report",
    "ReportMeasure",
    "Resource",
    "Role",
    "RowRule",
    "Rule",
    "Segment",
    "Source",
    "State",
    "Station",
    "StationAct",
    "Step",
    "Structure",
    "Suggest",
    "Text",
    "Traced",
    "Transition",
    "Trigger",
    "Valuation",
    "View",
    "WhatIf",
    "Who",
    "Workflow",
]
