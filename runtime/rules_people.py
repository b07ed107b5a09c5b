"""Who a rule or an alert tells: accounts and addresses, for many records at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from engine.model import Receiver
from runtime.context import RunContext
from runtime.permissions import administering
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace

Row = dict[str, Any]


class People:
    """The people of one round: roles and members are asked for once."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._roles: dict[str, frozenset[int]] = {}
        self._members: dict[int, frozenset[int]] = {}
        self._held: dict[int, frozenset[str]] = {}

    def told(
        self, at: Workspace, to: Sequence[Receiver], rows: Sequence[Row], entity: str
    ) -> list[tuple[frozenset[int], tuple[str, ...]]]:
        """For each record the accounts and the addresses."""
        accounts: list[set[int]] = [set() for _ in rows]
        addresses: list[dict[str, None]] = [{} for _ in rows]
        for each in to:
            if each.kind == "role":
                for found in accounts:
                    found |= self.role(each.role)
                continue
            assert each.expr is not None
            for index, value in enumerate(at.evaluate(each.expr, rows, None, entity)):
                if each.kind == "address":
                    addresses[index].update(dict.fromkeys(_texts(value)))
                else:
                    accounts[index] |= self.members(_ids(value))
        return [(frozenset(a), tuple(b)) for a, b in zip(accounts, addresses, strict=True)]

    def role(self, role: str) -> frozenset[int]:
        """The active accounts with a role."""
        if role not in self._roles:
            query = self.ctx.app.programs.keep("holders of a role", lambda: _holders(self.ctx))
            self._roles[role] = frozenset(account for (account,) in query.run(self.ctx, {"role": role}))
        return self._roles[role]

    def members(self, ids: Iterable[int]) -> frozenset[int]:
        """The active accounts of members."""
        wanted = set(ids)
        missing = sorted(wanted - self._members.keys())
        if missing:
            account = self.ctx.app.tables.system.account
            query = select(account.c.member, account.c.id).where(account.c.member.in_(missing), account.c.active)
            found: dict[int, set[int]] = {}
            for member, number in self.ctx.connection.execute(query):
                found.setdefault(member, set()).add(number)
            self._members.update({i: frozenset(found.get(i, ())) for i in missing})
        return frozenset[int]().union(*(self._members[i] for i in wanted))

    def roles_of(self, accounts: Iterable[int]) -> dict[int, frozenset[str]]:
        """The roles each account has."""
        missing = sorted(set(accounts) - self._held.keys())
        if missing:
            holds = self.ctx.app.tables.system.account_role
            query = select(holds.c.account, holds.c.role).where(holds.c.account.in_(missing))
            found: dict[int, set[str]] = {i: set() for i in missing}
            for account, role in self.ctx.connection.execute(query):
                found[account].add(role)
            self._held.update({i: frozenset(roles) for i, roles in found.items()})
        return {i: self._held[i] for i in accounts}

    def administrators(self) -> frozenset[int]:
        """Who is told when something of the app itself goes wrong."""
        return frozenset[int]().union(*(self.role(role) for role in administering(self.ctx.app.model)))


def _holders(ctx: RunContext) -> Statement:
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    query = select(account.c.id).join(holds, holds.c.account == account.c.id)
    wanted = bindparam("role", type_=holds.c.role.type)
    return prepare_statement(ctx, query.where(holds.c.role == wanted, account.c.active), [account.c.id])


def _ids(value: object) -> list[int]:
    if isinstance(value, (tuple, list)):
        return [i for one in value for i in _ids(one)]
    return [value] if isinstance(value, int) else []


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.replace("；", ";").replace(",", ";").split(";") if part.strip()]
    return []
