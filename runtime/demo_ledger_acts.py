"""The acts of a demo story that look into ledgers: refill what runs low, settle what is due, count what is there."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_UP, Decimal
from random import Random
from typing import Any

from sqlalchemy import func, select

from runtime.demo_stage import Stage, create_and_follow, values_of

Row = dict[str, Any]


def refill(stage: Stage) -> int:
    """What has fallen below its level is filled up to its target: one document a group, or one for each."""
    act, entity = stage.act, stage.act["entity"]
    have = _have(stage)
    ids = _ids(stage, act["key"], act["key_entity"])
    groups: dict[object, list[Row]] = {}
    for row in stage.story.mixes[act["of"]]:
        there = have.get(ids[row[act["key"]]], Decimal(0))
        if there < Decimal(row["level"]):
            step = Decimal(row.get("step") or 1)
            need = {**row, "need": str(_up_to_step(Decimal(row["target"]) - there, step))}
            groups.setdefault(row.get(act.get("group", ""), len(groups)), []).append(need)
    rows = []
    for needs in groups.values():
        values = values_of(stage, entity, act.get("set", {}), needs[0])
        for name, spec in act.get("lines", {}).items():
            values[name] = [values_of(stage, f"{entity}.{name}", spec, need) for need in needs]
        rows.append(values)
    return create_and_follow(stage, entity, rows)


def _up_to_step(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_UP) * step


def _ids(stage: Stage, key: str, entity: str) -> dict[str, int]:
    table = stage.ctx.app.tables.entity[entity]
    found = stage.ctx.connection.execute(select(table.c.code, table.c.id))
    return {str(code): int(id) for code, id in found}


def _have(stage: Stage) -> dict[int, Decimal]:
    """What is there and coming, less what is promised, by key."""
    tables, key = stage.ctx.app.tables, stage.act["key"]
    found: dict[int, Decimal] = {}
    for part in stage.act["have"]:
        table = tables.balance[part["ledger"]] if "ledger" in part else tables.entity[part["rows"]]
        query = select(table.c[key], func.sum(table.c[part["figure"]])).group_by(table.c[key])
        for name, allowed in part.get("where", {}).items():
            query = query.where(table.c[name].in_(allowed))
        if "owner" in part:
            owner = tables.entity[part["rows"].rpartition(".")[0]]
            query = query.join(owner, owner.c.id == table.c.parent).where(owner.c.status.in_(part["owner"]))
        for id, total in stage.ctx.connection.execute(query):
            found[id] = found.get(id, Decimal(0)) + Decimal(total or 0) * part.get("sign", 1)
    return found


def settle(stage: Stage) -> int:
    """What is due in a ledger by today is settled, one record a key, but for those that chance lets wait."""
    act, entity = stage.act, stage.act["entity"]
    table = stage.ctx.app.tables.balance[act["ledger"]]
    key, due, figure = table.c[act["key"]], table.c[act["due"]], table.c[act["figure"]]
    rows = []
    query = select(key, due, func.sum(figure)).group_by(key, due).order_by(key, due)
    owed: dict[int, Decimal] = {}
    for id, day, amount in stage.ctx.connection.execute(query):
        told = day - stage.story.shift  # the same chance whatever day the story is told
        patience = Random(f"{stage.story.seed} {stage.number} {id} {told}").choice(act["days"])
        if day + timedelta(days=patience) <= stage.day:
            owed[id] = owed.get(id, Decimal(0)) + amount
    for id, amount in owed.items():
        if amount > 0:
            rows.append(
                {**values_of(stage, entity, act.get("set", {}), {}), act["key"]: id, act["amount"]: str(amount)}
            )
    return create_and_follow(stage, entity, rows)


def count(stage: Stage) -> int:
    """A record with a line for each balance of a ledger: what is there, for a few of them a little more or less."""
    act, entity = stage.act, stage.act["entity"]
    table, ids = stage.ctx.app.tables.balance[act["ledger"]], stage.ctx.app.tables.entity
    figure = table.c[act["figure"]]
    query = select(table).where(figure > 0).order_by(*(table.c[name] for name in act["copy"]))
    for name, code in act["of"].items():
        owner = ids[stage.ctx.app.model.ledgers[act["ledger"]].dimensions[name].targets[0]]
        query = query.where(table.c[name].in_(select(owner.c.id).where(owner.c.code == code)))
    rows = list(stage.ctx.connection.execute(query).mappings())
    lines = []
    for row in stage.chance.sample(rows, min(act["most"], len(rows))):
        off = Decimal(stage.chance.choice(act["apart"]))
        line = {name: row[name] for name in act["copy"] if row[name] is not None}
        line[act["into"]] = str(max(Decimal(0), row[act["figure"]] + off))
        line[act["moment"]] = (stage.ctx.now() - timedelta(minutes=4)).isoformat()
        lines.append(line)
    values = {**values_of(stage, entity, act.get("set", {}), {}), "lines": lines}
    return create_and_follow(stage, entity, [values]) if lines else 0
