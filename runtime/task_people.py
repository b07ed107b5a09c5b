"""Whom an approval asks: roles, members named by fields, those above them, those chosen, whoever sent it.

A row of people is what is kept of one say: an account, a member or a role, the others empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import func, select

from engine.model import Approval, Step, Who
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.record_inputs import Workspace

Row = dict[str, Any]
SPREAD = frozenset({"all", "in_turn", "random", "at_least", "share"})
"""Ways of deciding that count heads: a role stands for each who holds it."""
STEP_IN = frozenset({"role", "field", "member", "person", "initiator"})
CHOSEN = "approvers"
"""Key of a transition's body: step → members whom the initiator names."""


K = TypeVar("K")


def _grouped(names: Iterable[K], found: Iterable[Any]) -> dict[K, tuple[int, ...]]:
    """The accounts found under each name."""
    kept: dict[K, list[int]] = {name: [] for name in names}
    for name, account in found:
        kept[name].append(account)
    return {name: tuple(accounts) for name, accounts in kept.items()}


@dataclass(slots=True)
class Directory:
    """Accounts, who holds which role, who is which member: read once a call, as far as asked for."""

    ctx: RunContext
    _held: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _members: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _above: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def read(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Look up all whom these rows name, at once."""
        wanted = list(rows)
        self._read_roles({row["role"] for row in wanted if row["role"]} - self._held.keys())
        self._read_members({row["member"] for row in wanted if row["member"]} - self._members.keys())

    def holders(self, role: str) -> tuple[int, ...]:
        """The active accounts with a role."""
        self._read_roles({role} - self._held.keys())
        return self._held[role]

    def _read_roles(self, roles: Set[str]) -> None:
        if not roles:
            return
        account, holds = self.ctx.app.tables.system.account, self.ctx.app.tables.system.account_role
        query = (
            select(holds.c.role, account.c.id)
            .join(account, holds.c.account == account.c.id)
            .where(holds.c.role.in_(sorted(roles)), account.c.active)
            .order_by(account.c.id)
        )
        self._held.update(_grouped(roles, self.ctx.connection.execute(query)))

    def _read_members(self, members: Set[int]) -> None:
        if not members:
            return
        account = self.ctx.app.tables.system.account
        query = select(account.c.member, account.c.id).where(account.c.member.in_(sorted(members)), account.c.active)
        self._members.update(_grouped(members, self.ctx.connection.execute(query.order_by(account.c.id))))

    def accounts(self, row: Mapping[str, Any]) -> tuple[int, ...]:
        """The accounts that may decide a row."""
        if row["account"]:
            return (row["account"],)
        if row["role"]:
            return self.holders(row["role"])
        if row["member"] is None:
            return ()
        self._read_members({row["member"]} - self._members.keys())
        return self._members[row["member"]]

    def named(self, name: str) -> tuple[int, ...]:
        """The active account that logs in by a name."""
        account = self.ctx.app.tables.system.account
        same = func.lower(account.c.name) == name.strip().lower()
        return tuple(self.ctx.connection.execute(select(account.c.id).where(same, account.c.active)).scalars())

    def member(self, account: int) -> int | None:
        """The member who logs in with an account."""
        table = self.ctx.app.tables.system.account
        return self.ctx.connection.execute(select(table.c.member).where(table.c.id == account)).scalar()

    def above(self, members: Iterable[int], along: str, levels: int) -> list[int]:
        """Those above along a field of members, nearest first; a circle ends where it closes."""
        found: list[int] = []
        for start in members:
            seen, here = {start}, start
            for _level in range(levels):
                up = self._next_above(here, along)
                if up is None or up in seen:
                    break
                found.append(up)
                seen.add(up)
                here = up
        return found

    def _next_above(self, member: int, along: str) -> int | None:
        if (along, member) not in self._above:
            table = self.ctx.app.tables.entity[self.ctx.app.model.members]
            query = select(table.c[along]).where(table.c.id == member)
            self._above[along, member] = self.ctx.connection.execute(query).scalar()
        return self._above[along, member]


NOBODY: Mapping[str, Any] = MappingProxyType({"role": "", "member": None, "account": None})
"""The row of a step that asks nobody."""


def of_role(role: str) -> Row:
    """Everyone with the role, one say."""
    return {"role": role, "member": None, "account": None}


def of_account(account: int) -> Row:
    """One person who logs in."""
    return {"role": "", "member": None, "account": account}


def of_member(member: int) -> Row:
    """One member, whether he logs in or not."""
    return {"role": "", "member": member, "account": None}


@dataclass(frozen=True, slots=True)
class Asking:
    """One step about one record: who asks, and whom he chose."""

    ctx: RunContext
    directory: Directory
    at: Workspace
    entity: str
    approval: Approval
    step: Step
    record: Row
    initiator: int
    chosen: Mapping[str, Sequence[int]]

    def people(self) -> list[Row] | None:
        """The rows of the step; ``None``: it is passed over because who asks would decide himself."""
        if self.step.waits:
            return [dict(NOBODY)]
        found = self._unique(row for who in self.step.who for row in self._of(who))
        passed = self._without_initiator(found)
        if passed is None:
            return None
        return self._drawn(passed) or self._unique(self._stand_in())

    def _drawn(self, rows: list[Row]) -> list[Row]:
        """One of them by lot, where the step says so: whom the record's number hits, always the same for one record."""
        if self.step.decide != "random" or len(rows) < 2:
            return rows
        lot = f"{self.entity}|{self.record['id']}|{self.step.id}"
        return [rows[int.from_bytes(sha256(lot.encode()).digest()[:8]) % len(rows)]]

    def _of(self, who: Who) -> Iterable[Row]:
        if who.kind == "role":
            return self._role(who.role)
        if who.kind == "person":
            return [of_account(account) for account in self.directory.named(who.name)]
        if who.kind == "initiator" and not who.along:
            return [of_account(self.initiator)] if self.initiator else []
        members = self._members(who)
        return [of_member(m) for m in (self.directory.above(members, who.along, who.levels) if who.along else members)]

    def _role(self, role: str) -> list[Row]:
        holders = self.directory.holders(role)
        if self.step.decide in SPREAD:
            return [of_account(account) for account in holders]
        return [of_role(role)] if holders or role in self.ctx.user.roles else []

    def _members(self, who: Who) -> list[int]:
        if who.kind == "chosen":
            return list(self.chosen.get(self.step.id, ()))
        if who.kind == "initiator":
            member = self.directory.member(self.initiator)
            return [] if member is None else [member]
        assert who.expr is not None
        value = self.at.evaluate(who.expr, [self.record], None, self.entity)[0]
        return [m for m in (value if isinstance(value, tuple) else (value,)) if m is not None]

    def refuse_unless_chosen(self) -> None:
        """The initiator must have named whom this step leaves to him, and only among those with the role."""
        named, label = self.chosen.get(self.step.id, ()), self.step.label.get(self.ctx.language)
        for who in self.step.who:
            if who.kind == "chosen" and not named:
                raise Invalid(fault(self.ctx, "approvers_missing", CHOSEN, step=label))
            if who.kind == "chosen" and who.role:
                held = {self.directory.member(account) for account in self.directory.holders(who.role)}
                if not held.issuperset(named):
                    raise Invalid(fault(self.ctx, "approvers_unfit", CHOSEN, step=label))

    def _without_initiator(self, rows: list[Row]) -> list[Row] | None:
        """What is left when who asks may not decide; ``None``: nobody but he was to."""
        if self.approval.initiator == "self" or not rows:
            return rows
        kept: list[Row] = []
        met = False
        for row in rows:
            accounts = self.directory.accounts(row)
            if self.initiator not in accounts:
                kept.append(row)
                continue
            met = True
            kept.extend(of_account(account) for account in accounts if account != self.initiator)
        if kept or not met:
            return self._unique(kept)
        return None if self.approval.initiator == "skip" else self._superiors()

    def _superiors(self) -> list[Row]:
        member = self.directory.member(self.initiator)
        above = self.directory.above([member], self.approval.superior, 1) if member else []
        return [of_member(each) for each in above]

    def _stand_in(self) -> list[Row]:
        """Nobody was found: those who step in then."""
        nobody = self.approval.nobody
        if nobody.kind not in STEP_IN:
            return []
        if nobody.kind == "role":
            return [of_role(nobody.role)] if nobody.role else []
        return list(self._of(nobody))

    def _unique(self, rows: Iterable[Row]) -> list[Row]:
        return list({tuple(sorted(row.items(), key=str)): row for row in rows}.values())


def accounts_of(
    ctx: RunContext,
    entity: str,
    record: Row,
    people: Iterable[Who],
    *,
    initiator: int | None = None,
    asked: Set[int] = frozenset(),
) -> set[int]:
    """The accounts of those who are to be told of a record, or asked besides.

    ``initiator``: who sent it for approval; ``asked``: whose say a deadline is about.
    """
    directory, at = Directory(ctx), Workspace(ctx)
    known: dict[str, Set[int]] = {"initiator": frozenset({initiator} if initiator else ()), "asked": asked}
    found: set[int] = set()
    for who in people:
        if who.kind == "role":
            found.update(directory.holders(who.role))
        elif who.kind == "person":
            found.update(directory.named(who.name))
        elif who.kind in known and not who.along:
            found.update(known[who.kind])
        else:
            found.update(_of_members(directory, who, _members_of(directory, at, entity, record, who, known)))
    return found


def _members_of(
    directory: Directory, at: Workspace, entity: str, record: Row, who: Who, known: Mapping[str, Set[int]]
) -> list[int]:
    if who.expr is None:
        found: Iterable[int | None] = [directory.member(each) for each in sorted(known.get(who.kind, ()))]
    else:
        value = at.evaluate(who.expr, [record], None, entity)[0]
        found = value if isinstance(value, tuple) else (value,)
    return [member for member in found if member is not None]


def _of_members(directory: Directory, who: Who, members: list[int]) -> set[int]:
    """The accounts of members, or of those above them."""
    meant = directory.above(members, who.along, who.levels) if who.along else members
    return {account for member in meant for account in directory.accounts(of_member(member))}


def chosen_in(ctx: RunContext, body: Mapping[str, object]) -> dict[str, list[int]]:
    """Whom the initiator named in the body of a transition: ids of members by step."""
    raw = body.get(CHOSEN)
    if raw is None:
        return {}
    wrong = Invalid(fault(ctx, "approvers_unreadable", CHOSEN))
    if not isinstance(raw, Mapping):
        raise wrong
    found: dict[str, list[int]] = {}
    for step, given in raw.items():
        members = given if isinstance(given, (list, tuple)) else [given]
        found[str(step)] = [_member_id(each, wrong) for each in members if each not in (None, "")]
    return found


def _member_id(given: object, wrong: Invalid) -> int:
    value = given.get("id") if isinstance(given, Mapping) else given
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong
    return value
