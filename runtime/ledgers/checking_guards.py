"""Proof that nothing forbidden stands in the running rows: every guard, judged on every row it stands over.

Balances are never below what they may be, and what is promised is there, at every grain that the definition names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import RowMapping, select

from engine.model import Guard
from runtime.context import RunContext
from runtime.ledgers.expressions import Reader
from runtime.ledgers.requests import Problem
from runtime.ledgers.running import Became, Change, Grain, failed_guard
from runtime.ledgers.shape import shape_of
from runtime.ledgers.write import GrainSpec, grains_of, joints_of

BATCH = 5_000
ANY = datetime(1970, 1, 1, tzinfo=UTC)
"""The rows are judged as they are: no call changed them at any moment."""


def check_guards(ctx: RunContext) -> Iterator[Problem]:
    """The rows on which a guard does not hold."""
    across: dict[tuple[str, str], tuple[str, GrainSpec]] = {}
    for ledger in ctx.app.model.ledgers:
        shape = shape_of(ctx, ledger)
        for spec in grains_of(ctx, shape):
            yield from _check_grain(ctx, ledger, spec)
        for spec in joints_of(ctx, shape):
            lead = spec[0].guards[0].ledger
            if ledger == lead:
                across[spec[0].id] = (ledger, spec)
    for _, (ledger, spec) in sorted(across.items()):
        yield from _check_grain(ctx, ledger, spec)


def _check_grain(ctx: RunContext, ledger: str, spec: GrainSpec) -> Iterator[Problem]:
    grain, names, _ = spec
    if not grain.guards:
        return
    reader = Reader(ctx, ctx.app.model.ledgers[ledger].dimensions)
    query = select(grain.table).order_by(grain.table.c.key).execution_options(yield_per=BATCH)
    for rows in ctx.connection.execute(query).mappings().partitions(BATCH):
        became = [_as_it_is(grain, row) for row in rows]
        for guard in grain.guards:
            for one in failed_guard(guard, became, reader):
                yield _problem(guard, ledger, names, one)


def _as_it_is(grain: Grain, row: RowMapping) -> Became:
    amounts = {name: row[name] for name in grain.sums}
    columns = {name: value for name, value in row.items() if name not in amounts}
    return Became(key=row["key"], change=Change(columns, {}, ANY, ANY), amounts=amounts, behind=False)


def _problem(guard: Guard, ledger: str, names: tuple[str, ...], row: Became) -> Problem:
    there = ", ".join(f"{name.replace('__', '.')} {amount:f}" for name, amount in row.amounts.items())
    message = f"{guard.id} does not hold: {there}"
    return Problem(code="guard_broken", ledger=ledger, key=row.key, message=message, grain=names)


__all__ = ["check_guards"]
