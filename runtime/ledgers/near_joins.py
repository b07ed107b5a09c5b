"""Joins from balances to records that most likely name what the balances are fixed to (a lot names its thing).

Such records are fetched as a set, by that reference; only a balance whose record names another is looked up for itself.
PostgreSQL would else read the whole table of records for a few thousand balances.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import FromClause, and_, bindparam, case, select

from engine.model import AppModel
from runtime.ledgers.shape import Shape
from runtime.sql import Joiner, TableRow
from runtime.sql_scope import Sql, again


@dataclass(frozen=True, slots=True)
class _Near(TableRow):
    """A record that was joined where it names what is fixed; ``whole``: where it is looked up if not."""

    whole: FromClause
    key: Sql

    def column(self, name: str) -> Sql | None:
        """The column called so."""
        near = self.table.c.get(name)
        if near is None:
            return None
        other = again(self.whole)
        looked_up = select(other.c[name]).where(other.c.id == self.key).correlate_except(other).scalar_subquery()
        return case((self.table.c.id.is_not(None), near), else_=looked_up)


class NearJoiner(Joiner):
    """Joins from the balances of a ledger. ``fixed``: dimensions with a value, which is the parameter ``d_<name>``."""

    def __init__(self, base: FromClause, model: AppModel, shape: Shape, fixed: Collection[str]) -> None:
        super().__init__(base)
        self._model = model
        self._shape = shape
        self._fixed = fixed

    def row(self, steps: tuple[str, ...], entity: str, table: FromClause, key: Sql) -> TableRow:
        """The joined row reached by ``steps``; ``key`` is the reference's column."""
        named = self._named(entity) if len(steps) == 1 else None
        if named is None:
            return super().row(steps, entity, table, key)
        if steps not in self._aliases:
            field, dimension = named
            alias = again(table)
            self._aliases[steps] = (alias, and_(alias.c.id == key, alias.c[field] == bindparam(f"d_{dimension}")))
        return _Near(entity, self._aliases[steps][0], table, key)

    def _named(self, entity: str) -> tuple[str, str] | None:
        """The field of an entity that refers to what a dimension is fixed to, with that dimension; if there is one."""
        dimensions = self._shape.ledger.dimensions
        found = [
            (field.id, name)
            for field in self._model.entities[entity].fields.values()
            for name in self._fixed
            if not (field.live or field.many or field.lines)
            and len(field.targets) == 1
            and dimensions[name].targets == field.targets
        ]
        return found[0] if len(found) == 1 else None
