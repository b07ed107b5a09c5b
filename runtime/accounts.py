"""People and programs that log in: accounts with passwords, roles and preferences, and tokens for the API.

Passwords are kept as argon2 hashes, tokens as SHA-256 of a long random text that is shown once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from runtime.context import RunContext, User
from runtime.errors import Conflict, Invalid, NotFound
from runtime.messages import fault
from runtime.prepared import Statement, prepare_statement

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
LONGEST_NAME = 60
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=5)
TOKEN_PREFIX = "dg_"
_HASHER = PasswordHasher()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account as a request needs it. ``epoch`` changes with the password and ends older sessions."""

    user: User
    language: str
    theme: str
    prefs: Mapping[str, Any]
    epoch: str


def add_account(
    ctx: RunContext,
    name: str,
    password: str,
    roles: Iterable[str],
    *,
    member: int | None = None,
    language: str = "",
    hashed: str = "",
) -> int:
    """Make an account. The password may be empty: such an account only has tokens. ``hashed``: the password's hash,
    where the caller has it already (making one takes long, on purpose)."""
    wanted = tuple(dict.fromkeys(roles))
    _check_name(ctx, name)
    _check_roles(ctx, wanted)
    if password:
        _check_password(ctx, password)
    tables = ctx.app.tables.system
    made = ctx.connection.execute(
        insert(tables.account)
        .values(
            name=name.strip(),
            password_hash=(hashed or hash_of(password)) if password else "",
            member=member,
            language=language or ctx.language,
            theme="auto",
            prefs="{}",
            active=True,
            failed_count=0,
            created_at=ctx.now(),
        )
        .returning(tables.account.c.id)
    ).scalar_one()
    _set_roles(ctx, made, wanted)
    return int(made)


def hash_of(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def _check_name(ctx: RunContext, name: str) -> None:
    cleaned = name.strip()
    if not name_fits(cleaned):
        raise Invalid(fault(ctx, "account_name", "name"))
    table = ctx.app.tables.system.account
    if ctx.connection.execute(select(table.c.id).where(table.c.name == cleaned)).first():
        raise Conflict(fault(ctx, "account_taken", "name", name=cleaned))


def name_fits(name: str) -> bool:
    """Whether somebody can log in by this name."""
    return 1 <= len(name) <= LONGEST_NAME and name.isprintable()


def _check_roles(ctx: RunContext, roles: Iterable[str]) -> None:
    known = ctx.app.model.roles
    wrong = [r for r in roles if r not in known]
    if wrong:
        raise Invalid(fault(ctx, "role_unknown", "roles", given=", ".join(wrong), known=", ".join(known)))


def _check_password(ctx: RunContext, password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(fault(ctx, "password_length", "password", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD))


def _set_roles(ctx: RunContext, account: int, roles: Collection[str]) -> None:
    table = ctx.app.tables.system.account_role
    ctx.connection.execute(delete(table).where(table.c.account == account))
    if roles:
        ctx.connection.execute(insert(table), [{"account": account, "role": r} for r in roles])


def change_account(
    ctx: RunContext,
    account: int,
    *,
    roles: Iterable[str] | None = None,
    active: bool | None = None,
    member: int | None = None,
) -> None:
    """Change what an administrator may: roles, whether it may log in, whose it is."""
    table = ctx.app.tables.system.account
    if ctx.connection.execute(select(table.c.id).where(table.c.id == account)).first() is None:
        raise NotFound(fault(ctx, "account_unknown", name=account))
    if roles is not None:
        wanted = tuple(dict.fromkeys(roles))
        _check_roles(ctx, wanted)
        _set_roles(ctx, account, wanted)
    changes: dict[str, Any] = {"active": active, "member": member}
    given = {name: value for name, value in changes.items() if value is not None}
    if given:
        ctx.connection.execute(update(table).where(table.c.id == account).values(**given))


def set_password(ctx: RunContext, account: int, password: str) -> None:
    """A new password; sessions made with the old one end."""
    _check_password(ctx, password)
    table = ctx.app.tables.system.account
    values = {"password_hash": hash_of(password), "failed_count": 0, "locked_until": None}
    ctx.connection.execute(update(table).where(table.c.id == account).values(**values))


def password_is(ctx: RunContext, account: int, password: str) -> bool:
    """Whether this is the account's password."""
    table = ctx.app.tables.system.account
    kept = ctx.connection.execute(select(table.c.password_hash).where(table.c.id == account)).scalar()
    return _verified(kept or "", password)


@cache
def _nobody() -> str:
    """Verified when the name is unknown, so that an unknown name takes as long as a wrong password."""
    return _HASHER.hash("nobody has this password")


def _verified(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept or _nobody(), password) and bool(kept)
    except (VerifyMismatchError, InvalidHashError):
        return False


def sign_in(ctx: RunContext, name: str, password: str) -> int | None:
    """The account's id when name and password fit; after several failures it rests for some minutes."""
    table = ctx.app.tables.system.account
    row = ctx.connection.execute(select(table).where(table.c.name == name.strip()[:60])).mappings().first()
    now = ctx.now()
    if row is not None and row["locked_until"] is not None and row["locked_until"] > now:
        raise Conflict(fault(ctx, "account_resting", minutes=_minutes(row["locked_until"] - now)))
    fits = _verified(row["password_hash"] if row is not None else "", password[:LONGEST_PASSWORD])
    if row is None:
        return None
    if not fits or not row["active"]:
        _note_failure(ctx, dict(row), now)
        return None
    if row["failed_count"]:
        ctx.connection.execute(update(table).where(table.c.id == row["id"]).values(failed_count=0, locked_until=None))
    return int(row["id"])


def _minutes(left: timedelta) -> int:
    return max(1, round(left.total_seconds() / 60))


def _note_failure(ctx: RunContext, row: Mapping[str, Any], now: datetime) -> None:
    table = ctx.app.tables.system.account
    count = row["failed_count"] + 1
    until = now + LOCKED_FOR if count % MOST_FAILURES == 0 else None
    ctx.connection.execute(update(table).where(table.c.id == row["id"]).values(failed_count=count, locked_until=until))


def person_of(ctx: RunContext, account: int) -> Person | None:
    """An active account by its id."""
    statement = ctx.app.programs.keep("person", lambda: _prepared(ctx, _of_account(ctx)))
    return _person(statement.run(ctx, {"account": account}))


def _of_account(ctx: RunContext) -> Select[Any]:
    table = ctx.app.tables.system.account
    return _with_roles(ctx).where(table.c.id == bindparam("account", type_=table.c.id.type))


def _with_roles(ctx: RunContext) -> Select[Any]:
    """Active accounts as ``_person`` reads them, a row for each of their roles."""
    account, held = ctx.app.tables.system.account, ctx.app.tables.system.account_role
    joined = account.outerjoin(held, held.c.account == account.c.id)
    shown = (account.c[name] for name in ("id", "name", "member", "language", "theme", "prefs", "password_hash"))
    return select(*shown, held.c.role).select_from(joined).where(account.c.active)


def _prepared(ctx: RunContext, statement: Select[Any]) -> Statement:
    return prepare_statement(ctx, statement, tuple(statement.selected_columns))


def _person(rows: Sequence[Sequence[Any]]) -> Person | None:
    if not rows:
        return None
    id, name, member, language, theme, prefs, password_hash, *_ = rows[0]
    return Person(
        user=User(account=id, name=name, roles=frozenset(row[7] for row in rows if row[7] is not None), member=member),
        language=language or "zh",
        theme=theme or "auto",
        prefs=json.loads(prefs or "{}"),
        epoch=sha256(password_hash.encode()).hexdigest()[:16],
    )


def set_preference(ctx: RunContext, account: int, key: str, value: object) -> None:
    """Keep one of a person's choices; ``language`` and ``theme`` have columns of their own."""
    table = ctx.app.tables.system.account
    if key in ("language", "theme"):
        ctx.connection.execute(update(table).where(table.c.id == account).values({key: str(value)}))
        return
    kept = ctx.connection.execute(select(table.c.prefs).where(table.c.id == account)).scalar()
    prefs = {**json.loads(kept or "{}"), key: value}
    ctx.connection.execute(update(table).where(table.c.id == account).values(prefs=json.dumps(prefs)))


def preferences(ctx: RunContext, account: int) -> Mapping[str, Any]:
    """A person's choices."""
    table = ctx.app.tables.system.account
    kept = ctx.connection.execute(select(table.c.prefs).where(table.c.id == account)).scalar()
    found: dict[str, Any] = json.loads(kept or "{}")
    return found


def create_token(ctx: RunContext, account: int, name: str, *, expires_at: datetime | None = None) -> str:
    """A new API token; this is the only time its text is known."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    table = ctx.app.tables.system.token
    ctx.connection.execute(
        insert(table).values(
            account=account,
            name=name,
            hash=_token_hash(text),
            created_at=ctx.now(),
            expires_at=expires_at,
            revoked=False,
        )
    )
    return text


def revoke_token(ctx: RunContext, account: int, token: int) -> None:
    """End a token."""
    table = ctx.app.tables.system.token
    ctx.connection.execute(update(table).where(table.c.id == token, table.c.account == account).values(revoked=True))


def _token_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def person_of_token(ctx: RunContext, text: str) -> Person | None:
    """The account a token stands for, while it is valid."""
    statement = ctx.app.programs.keep("person of token", lambda: _prepared(ctx, _of_token(ctx)))
    rows = statement.run(ctx, {"hash": _token_hash(text)})
    expires_at = rows[0][-1] if rows else None
    return None if expires_at is not None and expires_at <= ctx.now() else _person(rows)


def _of_token(ctx: RunContext) -> Select[Any]:
    token, account = ctx.app.tables.system.token, ctx.app.tables.system.account
    named = token.c.hash == bindparam("hash", type_=token.c.hash.type)
    people = _with_roles(ctx).add_columns(token.c.expires_at).join(token, token.c.account == account.c.id)
    return people.where(named, token.c.revoked.is_(False))


def account_named(ctx: RunContext, name: str) -> int:
    """The id of the account ``name``."""
    table = ctx.app.tables.system.account
    found = ctx.connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
    if found is None:
        raise NotFound(fault(ctx, "account_unknown", name=name))
    return int(found)


def accounts(ctx: RunContext) -> list[dict[str, Any]]:
    """All accounts with their roles, for the administrator."""
    tables = ctx.app.tables.system
    rows = ctx.connection.execute(
        select(tables.account.c.id, tables.account.c.name, tables.account.c.active, tables.account.c.member).order_by(
            tables.account.c.name
        )
    ).mappings()
    held: dict[int, list[str]] = {}
    for account, role in ctx.connection.execute(select(tables.account_role.c.account, tables.account_role.c.role)):
        held.setdefault(account, []).append(role)
    return [{**row, "roles": sorted(held.get(row["id"], ()))} for row in rows]


def is_empty(ctx: RunContext) -> bool:
    """Whether nobody can log in yet."""
    return ctx.connection.execute(select(func.count()).select_from(ctx.app.tables.system.account)).scalar_one() == 0


def account_names(ctx: RunContext, ids: Iterable[int | None]) -> dict[int, str]:
    """What people call the accounts: the member's name, else the log-in name."""
    table = ctx.app.tables.system.account
    wanted = sorted({i for i in ids if i})
    if not wanted:
        return {}
    rows = ctx.connection.execute(select(table.c.id, table.c.name, table.c.member).where(table.c.id.in_(wanted))).all()
    members = member_names(ctx, [row.member for row in rows])
    return {row.id: members.get(row.member or 0, row.name) for row in rows}


def member_names(ctx: RunContext, ids: Iterable[int | None]) -> dict[int, str]:
    """Names of members (records of the entity of people)."""
    wanted = sorted({i for i in ids if i})
    table = ctx.app.tables.entity.get(ctx.app.model.members)
    if not wanted or table is None or "name" not in table.c:
        return {}
    rows = ctx.connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(wanted)))
    return {row.id: row.name or "" for row in rows}
