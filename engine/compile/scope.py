"""What names stand for in an expression of the app: the parser's questions answered from the workbench."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.compile.bench import Bench
from engine.compile.part import Word
from engine.compile.rename import renamed
from engine.expressions.parse import parse_expression
from engine.expressions.problems import ExpressionProblems
from engine.expressions.scope import FieldInfo, LedgerInfo, Reverse
from engine.expressions.tree import Expr
from engine.expressions.types import YES_NO, Type


@dataclass(frozen=True, slots=True, kw_only=True)
class AppScope:
    """Names of an entity (its fields, reverse names, standard fields) and further roots."""

    bench: Bench
    root_entity: str = ""
    this_entity: str = ""
    given: str = ""
    names: Mapping[str, Type] = field(default_factory=dict)

    @property
    def user_entity(self) -> str:
        """The entity of members."""
        return self.bench.members

    @property
    def money_scale(self) -> int:
        """Decimals of the currency."""
        return self.bench.money_scale

    def field(self, entity: str, name: str) -> FieldInfo | None:
        """The field ``name`` of ``entity``."""
        return self.bench.info(entity, name)

    def fields(self, entity: str) -> Collection[str]:
        """All names of ``entity``."""
        return self.bench.names(entity)

    def parent(self, entity: str) -> str:
        """The owner's entity for a lines entity."""
        draft = self.bench.entities.get(entity)
        return draft.parent if draft else ""

    def reverse(self, entity: str, name: str) -> Reverse | None:
        """What a reverse name stands for."""
        draft = self.bench.entities.get(entity)
        return draft.reverses.get(name) if draft else None

    def entities(self) -> Collection[str]:
        """Ids of all entities."""
        return self.bench.entities

    def setting(self, name: str) -> bool:
        """Whether ``name`` is a setting entity."""
        draft = self.bench.entities.get(name)
        return draft is not None and draft.kind == "setting"

    def ledger(self, name: str) -> LedgerInfo | None:
        """The ledger ``name``."""
        return self.bench.ledgers.get(name)


def scope_of(bench: Bench, entity: str, names: Mapping[str, Type] | None = None, *, given: str = "") -> AppScope:
    """The scope of a record of ``entity``."""
    return AppScope(bench=bench, root_entity=entity, this_entity=entity, given=given, names=names or {})


def parse(word: Word, scope: AppScope, expect: Type | None = None) -> Expr | None:
    """The expression of a word; what is wrong with it is noted at its place.

    Nothing is said when it reads a field that has a problem of its own: that one explains it.
    """
    text = word.text.strip()
    bench = scope.bench
    outer, bench.stumbled = bench.stumbled, False
    try:
        expr = parse_expression(text, scope, expect=expect)
        bench.stumbled = outer
        return renamed(bench, expr) if bench.aliases else expr
    except ExpressionProblems as error:
        stumbled, bench.stumbled = bench.stumbled, outer
        if stumbled:
            return None
        file, line, column = word.place
        for problem in error.problems:
            place = type(word.place)(file, line, column + problem.column)
            remedy = problem.hint or f"in: {text if len(text) < 80 else text[:77] + '...'}"
            scope.bench.problems.add(problem.code, place, word.path, problem.message, remedy)
        return None


def parse_condition(word: Word | None, scope: AppScope) -> Expr | None:
    """A condition, if there is one."""
    return parse(word, scope, YES_NO) if word is not None else None
