"""Whom an approval asks: roles, members named by fields, those above them, those chosen; and who acts for them.

A row of people is what is kept of one say: an account, a member or a role, the others empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table, and_, false, or_, select

from engine.model import Approval, Step, Who
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.record_inputs import Workspace

Row = dict[str, Any]
SPREAD = frozenset({"all", "in_turn", "at_least", "share"})
"""Ways of deciding that count heads: a role stands for each who holds it."""
STEP_IN = frozenset({"role", "field", "member"})
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
        self._read_members({row["member"]} - self._members.keys())
        return self._members[row["member"]]

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
        found = self._unique(row for who in self.step.who for row in self._of(who))
        passed = self._without_initiator(found)
        if passed is None:
            return None
        return passed or self._unique(self._stand_in())

    def _of(self, who: Who) -> Iterable[Row]:
        if who.kind == "role":
            return self._role(who.role)
        if who.kind == "chosen":
            return [of_member(member) for member in self._named(who)]
        members = self._members(who)
        return [of_member(m) for m in (self.directory.above(members, who.along, who.levels) if who.along else members)]

    def _role(self, role: str) -> list[Row]:
        holders = self.directory.holders(role)
        if self.step.decide in SPREAD:
            return [of_account(account) for account in holders]
        return [of_role(role)] if holders or role in self.ctx.user.roles else []

    def _members(self, who: Who) -> list[int]:
        assert who.expr is not None
        value = self.at.evaluate(who.expr, [self.record], None, self.entity)[0]
        return [m for m in (value if isinstance(value, tuple) else (value,)) if m is not None]

    def _named(self, who: Who) -> list[int]:
        """Whom the initiator chose for this step; he must have, and only among those with the role."""
        named = list(self.chosen.get(self.step.id, ()))
        label = self.step.label.get(self.ctx.language)
        if not named:
            raise Invalid(fault(self.ctx, "approvers_missing", CHOSEN, step=label))
        if who.role:
            held = {self.directory.member(account) for account in self.directory.holders(who.role)}
            if not held.issuperset(named):
                raise Invalid(fault(self.ctx, "approvers_unfit", CHOSEN, step=label))
        return named

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
        return [of_member(member) for member in self._members(nobody)]

    def _unique(self, rows: Iterable[Row]) -> list[Row]:
        return list({tuple(sorted(row.items(), key=str)): row for row in rows}.values())


def accounts_of(ctx: RunContext, entity: str, record: Row, people: Iterable[Who]) -> set[int]:
    """The accounts of those named by roles and members."""
    directory, at = Directory(ctx), Workspace(ctx)
    found: set[int] = set()
    for who in people:
        if who.expr is None:
            found.update(directory.holders(who.role))
            continue
        value = at.evaluate(who.expr, [record], None, entity)[0]
        members = [m for m in (value if isinstance(value, tuple) else (value,)) if m is not None]
        for member in directory.above(members, who.along, who.levels) if who.along else members:
            found.update(directory.accounts(of_member(member)))
    return found


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


# --- who may decide a row -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acting:
    """Those for whom the acting person may decide now: himself, and whom he substitutes.

    ``limited``: those for whom he does so only in some flows, by entity.
    """

    accounts: frozenset[int]
    roles: frozenset[str]
    members: frozenset[int]
    limited: Mapping[str, Acting] = field(default_factory=dict)

    def matches(self, task: Table) -> ColumnElement[bool]:
        """Rows of tasks for any of them."""
        return or_(
            task.c.account.in_(sorted(self.accounts)) if self.accounts else false(),
            task.c.role.in_(sorted(self.roles)) if self.roles else false(),
            task.c.member.in_(sorted(self.members)) if self.members else false(),
            *(and_(task.c.entity == flow, some.matches(task)) for flow, some in sorted(self.limited.items())),
        )


def acting(ctx: RunContext) -> Acting:
    """For whom the person acts: one statement, two more while he substitutes somebody."""
    user = ctx.user
    own = Acting(
        accounts=frozenset({user.account}),
        roles=frozenset(user.roles),
        members=frozenset({user.member} if user.member is not None else ()),
    )
    absent = _absent(ctx)
    if not absent:
        return own
    stands = _stood_for(ctx, absent)
    everywhere = stands.pop("", Acting(frozenset(), frozenset(), frozenset()))
    return Acting(
        accounts=own.accounts | everywhere.accounts,
        roles=own.roles | everywhere.roles,
        members=own.members | everywhere.members,
        limited=stands,
    )


def _stood_for(ctx: RunContext, absent: Mapping[str, set[int]]) -> dict[str, Acting]:
    """The absent with their roles and members, by flow."""
    account, holds = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    everybody = sorted(set().union(*absent.values()))
    members = ctx.connection.execute(select(account.c.id, account.c.member).where(account.c.id.in_(everybody))).all()
    roles = ctx.connection.execute(select(holds.c.account, holds.c.role).where(holds.c.account.in_(everybody))).all()
    return {
        flow: Acting(
            accounts=frozenset(some),
            roles=frozenset(row.role for row in roles if row.account in some),
            members=frozenset(row.member for row in members if row.id in some and row.member is not None),
        )
        for flow, some in absent.items()
    }


def _absent(ctx: RunContext) -> dict[str, set[int]]:
    """The active accounts whom the person substitutes today, by flow; under an empty name: in all of them."""
    table, account = ctx.app.tables.system.substitute, ctx.app.tables.system.account
    today = ctx.today()
    query = (
        select(table.c.account, table.c.flow)
        .join(account, account.c.id == table.c.account)
        .where(
            and_(table.c.deputy == ctx.user.account, table.c.since <= today, table.c.until >= today, account.c.active)
        )
    )
    found: dict[str, set[int]] = {}
    for row in ctx.connection.execute(query):
        found.setdefault(row.flow, set()).add(row.account)
    return found


def on_behalf(ctx: RunContext, task: Mapping[str, Any]) -> int | None:
    """The absent person for whom the acting one decides a row; ``None``: it is his own."""
    user = ctx.user
    own = task["account"] == user.account or task["role"] in user.roles or (task["member"] or 0) == user.member
    if own or user.is_system:
        return None
    directory, absent = Directory(ctx), _absent(ctx)
    stands = set(directory.accounts(task)) & (absent.get("", set()) | absent.get(task["entity"], set()))
    return min(stands) if stands else None
