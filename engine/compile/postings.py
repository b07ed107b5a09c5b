"""Postings: what a transition writes into ledgers. All dimensions and amounts are bound here, by name where unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import schema_keys
from engine.compile.bench import Bench, EntityDraft
from engine.compile.constants import after_equals, constant
from engine.compile.explode import component_names, read_explode, structure_part
from engine.compile.part import Part, Word
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr, Path, Rows
from engine.expressions.types import DATE, Type, choice, reference
from engine.frozen import Frozen
from engine.model import Explode, Posting
from engine.problems import did_you_mean, got
from engine.yaml_source import Items, Scalar

VERBS = ("add", "take", "returns", "revalue")
KEYS = frozenset(schema_keys.POSTING)
NOTHING = "nothing"


@dataclass(slots=True)
class _Entry:
    """One posting on its way: where it stands and what it can name."""

    bench: Bench
    owner: EntityDraft
    id: str
    part: Part
    verb: str
    ledger: str
    each: str
    rows: str
    scope: AppScope
    explode: Explode | None = None
    earlier: dict[str, str] = field(default_factory=dict)

    @property
    def ledger_part(self) -> Part:
        ledgers = self.bench.root.part("ledgers")
        found = ledgers.part(self.ledger) if ledgers else None
        assert found is not None
        return found

    def problem(self, code: str, key: str, what: str, remedy: str) -> None:
        self.part.problem(code, key, what, remedy)


def compile_postings(bench: Bench, draft: EntityDraft) -> Frozen[str, tuple[Posting, ...]]:
    """Posting sets by id."""
    sets = draft.part.part("postings")
    if sets is None:
        return Frozen({})
    done = {}
    for name in sets.block.entries:
        earlier: dict[str, str] = {}
        grids: dict[str, str] = {}
        postings = []
        for id, part in sets.parts(name):
            posting = _posting(bench, draft, id, part, (earlier, part.text("each") or grids.get(part.text("from"), "")))
            if posting is not None:
                postings.append(posting)
                earlier[id], grids[id] = posting.ledger, posting.each
        done[name] = tuple(postings)
    return Frozen(done)


def _posting(
    bench: Bench, draft: EntityDraft, id: str, part: Part, before: tuple[dict[str, str], str]
) -> Posting | None:
    """One posting; ``before``: the ledgers of those before it, and the lines it stands on (those of its ``from``)."""
    earlier, each = before
    verbs = [verb for verb in VERBS if part.has(verb)]
    if len(verbs) != 1:
        what = f"{' and '.join(verbs)} together" if verbs else "no verb"
        part.problem("D702", "", what, "write one of add, take, returns, revalue")
        return None
    rows = f"{draft.id}.{each}" if each else draft.id
    if rows not in bench.entities:
        lines = [f.id for f in draft.fields.values() if f.lines]
        part.problem("D304", "each", f"{draft.id} has no lines {got(each)}", did_you_mean(each, lines))
        return None
    entry = _Entry(bench, draft, id, part, verbs[0], "", each, rows, scope_of(bench, rows), earlier=earlier)
    returned = _returned(entry) if entry.verb == "returns" else None
    entry.ledger = returned[1] if returned else _ledger(entry) if entry.verb != "returns" else ""
    if not entry.ledger:
        return None
    _add_explode(entry)
    return _finish(entry, returned)


def _ledger(entry: _Entry) -> str:
    word = entry.part.word(entry.verb)
    id = word.text if word else ""
    if id in entry.bench.ledgers:
        return id
    entry.problem("D304", entry.verb, f"unknown ledger {got(id)}", did_you_mean(id, entry.bench.ledgers))
    return ""


def _finish(entry: _Entry, returned: tuple[Expr, str, str] | None) -> Posting:
    part, bench = entry.part, entry.bench
    rows, of_posting = _corrected(entry) if entry.verb == "revalue" else (None, "")
    short, short_at = _short(entry)
    spread = _spread(entry)
    return Posting(
        id=entry.id,
        verb=entry.verb,
        ledger=entry.ledger,
        each=entry.each,
        condition=parse_condition(part.word("if"), scope_of(bench, entry.rows)),
        amounts=_amounts(entry),
        at=_dimensions(entry, spread[0] if spread else ""),
        kind=_kind(entry, returned),
        source=_source(entry),
        allocate=_allocate(entry),
        short=short,
        short_at=short_at,
        spread=spread,
        explode=entry.explode,
        returns_line=returned[0] if returned else None,
        returns_posting=returned[2] if returned else "",
        of_rows=rows,
        of_posting=of_posting,
    )


def _add_explode(entry: _Entry) -> None:
    part = entry.part.part("explode")
    if part is None:
        return
    structure = structure_part(entry.bench, part)
    if structure is None:
        return
    entry.explode = read_explode(entry.bench, part, structure, entry.scope)
    entry.scope = scope_of(entry.bench, entry.rows, component_names(entry.bench, structure))


def _source(entry: _Entry) -> str:
    word = entry.part.word("from")
    if word is None:
        return ""
    if word.text not in entry.earlier:
        remedy = did_you_mean(word.text, entry.earlier, "name a posting that stands before this one")
        entry.problem("D708", "from", f"no posting {got(word.text)} before this one", remedy)
    return word.text


def _kind(entry: _Entry, returned: tuple[Expr, str, str] | None) -> str:
    """The kind that is said; what comes back is of the kind of what went, where nothing is said."""
    word = entry.part.word("kind")
    if word is None and returned is not None:
        return _kind_of(entry, returned[0].type.targets[0], returned[2])
    kinds = entry.bench.ledgers[entry.ledger].kinds
    if word is not None and word.text not in kinds:
        what = f"ledger {entry.ledger} has no kind {got(word.text)}"
        entry.problem("D304", "kind", what, did_you_mean(word.text, kinds))
    return word.text if word else ""


def _kind_of(entry: _Entry, rows: str, posting: str) -> str:
    part, _ = _posting_part(entry, rows, posting)
    for _ in range(4):
        if part is None or part.has("kind") or not part.has("returns"):
            break
        path, _, posting = part.text("returns").rpartition(".")
        owner = entry.bench.entities[rows].parent or rows
        rows = f"{owner}.{part.text('each')}" if part.has("each") else owner
        info = entry.bench.info(rows, path)
        if info is None or not info.type.targets:
            return ""
        rows = info.type.targets[0]
        part, _ = _posting_part(entry, rows, posting)
    return part.text("kind") if part is not None else ""


# --- amounts and dimensions


def _resources(entry: _Entry) -> dict[str, Part]:
    return dict(entry.ledger_part.parts("resources"))


def _amounts(entry: _Entry) -> Frozen[str, Expr | None]:
    resources = _resources(entry)
    done: dict[str, Expr | None] = {}
    for key, node in entry.part.block.entries.items():
        if key in KEYS:
            continue
        type = _amount_type(entry, key, resources)
        if type is None:
            remedy = did_you_mean(key, [*resources, *KEYS])
            what = f"{got(key)} is no amount of ledger {entry.ledger}"
            entry.bench.problems.add("D705", entry.part.place_of(key), entry.part.path_of(key), what, remedy)
        elif isinstance(node, Scalar):
            if node.text == "all":
                done[key] = None
                continue
            expr = parse(Word(node.text, node.place, entry.part.path_of(key)), entry.scope, type)
            if expr is not None:
                done[key] = expr
    _add_missing_amounts(entry, resources, done)
    return Frozen(done)


def _amount_type(entry: _Entry, key: str, resources: dict[str, Part]) -> Type | None:
    """The type of an amount. What comes back may be measured by a resource that only its origin had (quantity)."""
    if key in resources:
        return entry.bench.rows[f"ledger.{entry.ledger}"][key].type
    if entry.verb != "returns":
        return None
    others = entry.bench.ledgers.values()
    return next((each.figures[key].type for each in others if key in each.figures and key not in each.dimensions), None)


def _add_missing_amounts(entry: _Entry, resources: dict[str, Part], done: dict[str, Expr | None]) -> None:
    """Amounts that are not said come from the line's field of the same name; what is carried on brings its own."""
    if entry.verb == "revalue" or entry.part.has("from"):
        return
    valuation = entry.ledger_part.part("valuation")
    derived = valuation.text("value") if valuation else ""
    for id, part in resources.items():
        if id in done or entry.part.has(id) or id == derived:
            continue
        field = entry.bench.draft(entry.rows, id)
        if field is not None and part.text("type") != "money":
            word = Word(id, entry.part.place, entry.part.path)
            done[id] = parse(word, entry.scope, entry.bench.rows[f"ledger.{entry.ledger}"][id].type)
    needed = [id for id, part in resources.items() if not part.flag("optional") and id != derived]
    if entry.verb == "add" and not any(id in done or entry.part.has(id) for id in needed) and needed:
        what = f"no {' or '.join(needed)} for ledger {entry.ledger}"
        entry.problem("D704", "", what, f"write {needed[0]}: and an expression")


def _dimensions(entry: _Entry, spread: str) -> Frozen[str, Expr]:
    known = entry.bench.ledgers[entry.ledger].dimensions
    done: dict[str, Expr] = {}
    for id, word in entry.part.pairs("at"):
        if id not in known:
            what = f"ledger {entry.ledger} has no dimension {got(id)}"
            entry.bench.problems.add("D707", word.place, word.path, what, did_you_mean(id, known))
        elif word.text == NOTHING:
            _leave_open(entry, id)
        elif (expr := parse(word, entry.scope, known[id])) is not None:
            done[id] = expr
    if entry.verb in ("returns", "revalue"):
        return Frozen(done)
    carried = _carried(entry)
    written = {id for id, _ in entry.part.pairs("at")}
    for id, type in known.items():
        if id not in written and id not in carried and id != spread:
            expr = _by_name(entry, id, type)
            if expr is not None:
                done[id] = expr
    return Frozen({id: done[id] for id in known if id in done})


def _carried(entry: _Entry) -> set[str]:
    """Dimensions that the moves carried on bring with them."""
    source = entry.earlier.get(entry.part.text("from"), "")
    return set(entry.bench.ledgers[source].dimensions) if source else set()


def _by_name(entry: _Entry, id: str, type: Type) -> Expr | None:
    """The line's field of the dimension's name, else the header's, else nothing where it may stay open."""
    place, path = entry.part.place, entry.part.path_of("at") if entry.part.has("at") else entry.part.path
    if entry.bench.draft(entry.rows, id) is not None:
        return parse(Word(id, place, path), entry.scope, type)
    if entry.each and entry.bench.draft(entry.owner.id, id) is not None:
        return parse(Word(f"parent.{id}", place, path), entry.scope, type)
    _leave_open(entry, id)
    return None


def _leave_open(entry: _Entry, id: str) -> None:
    """Note a dimension without a value that needs one."""
    if not _may_stay_open(entry, id):
        what = f"dimension {id} of ledger {entry.ledger} has no value"
        remedy = f"write at: {{{id}: …}}, or give the line a field {id}"
        entry.problem("D703", "at" if entry.part.has("at") else "", what, remedy)


def _may_stay_open(entry: _Entry, id: str) -> bool:
    dimensions = dict(entry.ledger_part.parts("dimensions"))
    optional = dimensions[id].text("optional") if id in dimensions else ""
    if optional and optional != "false":
        return True
    if entry.verb != "take":
        return False
    allocations = dict(entry.ledger_part.parts("allocations"))
    named = entry.part.text("allocate")
    parts = [allocations[named]] if named in allocations else list(allocations.values()) if named else []
    return any(word.text == id for part in parts for word in part.words("over"))


def _allocate(entry: _Entry) -> Expr | None:
    word = entry.part.word("allocate")
    if word is None:
        return None
    names = [id for id, _ in entry.ledger_part.parts("allocations")]
    type = choice(*names)
    if word.text.startswith("="):
        return parse(after_equals(word), entry.scope, type)
    return constant(word, type, entry.scope)


def _short(entry: _Entry) -> tuple[str, Frozen[str, Expr]]:
    """What a take does when balances do not suffice."""
    word = entry.part.word("short")
    if word is not None:
        if word.text not in ("refuse", "drop"):
            remedy = did_you_mean(word.text, ("refuse", "drop"), "one of refuse, drop, or where the rest is booked")
            entry.problem("D203", "short", f"{got(word.text)} is not a word for this key", remedy)
        return word.text, Frozen({})
    known = entry.bench.ledgers[entry.ledger].dimensions
    done: dict[str, Expr] = {}
    for id, each in entry.part.pairs("short"):
        if id not in known:
            what = f"ledger {entry.ledger} has no dimension {got(id)}"
            entry.bench.problems.add("D707", each.place, each.path, what, did_you_mean(id, known))
        elif (expr := parse(each, entry.scope, known[id])) is not None:
            done[id] = expr
    return "refuse" if not done else "", Frozen(done)


def _spread(entry: _Entry) -> tuple[str, Expr, Expr] | None:
    part = entry.part.part("spread")
    if part is None:
        return None
    for id, node in part.block.entries.items():
        if id not in entry.bench.ledgers[entry.ledger].dimensions:
            known = entry.bench.ledgers[entry.ledger].dimensions
            part.problem("D707", id, f"ledger {entry.ledger} has no dimension {got(id)}", did_you_mean(id, known))
            return None
        words = part.words(id) if isinstance(node, Items) else []
        if len(words) != 2:
            part.problem("D207", id, "a spread needs the first and the last day", "write [start_date, due_date]")
            return None
        first, last = (parse(word, entry.scope, DATE) for word in words)
        return (id, first, last) if first and last else None
    return None


# --- what comes back, what is corrected


def _returned(entry: _Entry) -> tuple[Expr, str, str] | None:
    """(the line whose moves come back, their ledger, the posting that made them)."""
    word = entry.part.word("returns")
    assert word is not None
    path, _, posting = word.text.rpartition(".")
    if not path:
        entry.problem("D708", "returns", f"{got(word.text)} names no line", "write source_line.posting")
        return None
    line = parse(Word(path, word.place, word.path), entry.scope)
    if line is None:
        return None
    if not line.type.targets:
        entry.problem("D403", "returns", f"{got(path)} is not a reference", "name the line it was drawn from")
        return None
    ledger = _ledger_of(entry, line.type.targets[0], posting)
    return (line, ledger, posting) if ledger else None


def _ledger_of(entry: _Entry, rows: str, posting: str) -> str:
    """The ledger that a posting of the document of ``rows`` writes to."""
    return _posting_part(entry, rows, posting)[1]


def _posting_part(entry: _Entry, rows: str, posting: str, depth: int = 0) -> tuple[Part | None, str]:
    draft = entry.bench.entities[rows]
    owner = entry.bench.entities[draft.parent] if draft.parent else draft
    sets = owner.part.part("postings")
    known: list[str] = []
    for name in sets.block.entries if sets else ():
        assert sets is not None
        for id, part in sets.parts(name):
            known.append(id)
            if id != posting:
                continue
            if part.has("returns") and depth < 4:
                return part, _through(entry, owner, part, depth)
            return part, part.text("add") or part.text("take") or part.text("revalue")
    what = f"{owner.id} has no posting {got(posting)}"
    entry.problem("D708", entry.verb if entry.verb == "returns" else "of", what, did_you_mean(posting, known))
    return None, ""


def _through(entry: _Entry, owner: EntityDraft, part: Part, depth: int) -> str:
    """The ledger of a posting that itself brings moves back."""
    path, _, posting = part.text("returns").rpartition(".")
    rows = f"{owner.id}.{part.text('each')}" if part.has("each") else owner.id
    info = entry.bench.info(rows, path) if rows in entry.bench.entities else None
    if info is None or not info.type.targets:
        return ""
    return _posting_part(entry, info.type.targets[0], posting, depth + 1)[1]


def _corrected(entry: _Entry) -> tuple[Rows | None, str]:
    """The rows whose moves a revaluation corrects, and the posting that made them."""
    word = entry.part.word("of")
    if word is None:
        entry.problem("D204", "", "key of is missing", "write of: receipts.made")
        return None, ""
    names = word.text.split(".")
    posting = names.pop()
    draft = entry.bench.entities[entry.rows]
    reverse = draft.reverses.get(names[0]) if names else None
    if reverse is None or len(names) > 2:
        remedy = did_you_mean(names[0] if names else "", draft.reverses)
        entry.problem("D708", "of", f"{got(word.text)} is no set of {entry.rows}", remedy)
        return None, ""
    part, _ = _posting_part(entry, reverse.entity, posting)
    each = part.text("each") if part else ""
    base = Path(root="record", entity=entry.rows, steps=(), type=reference(entry.rows))
    if each and not entry.bench.entities[reverse.entity].parent:
        rows = Rows(kind="reverse", entity=f"{reverse.entity}.{each}", base=base, by=f"parent.{reverse.by}")
        return rows, posting
    return Rows(kind="reverse", entity=reverse.entity, base=base, by=reverse.by), posting
