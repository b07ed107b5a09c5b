"""Postings: what a transition writes into ledgers. All dimensions and amounts are bound here, by name where unsaid."""

from __future__ import annotations

from engine import schema_keys
from engine.compile.bench import Bench, EntityDraft
from engine.compile.constants import after_equals, constant
from engine.compile.explode import component_names, read_explode, structure_part
from engine.compile.messages import message, plain_message
from engine.compile.part import Part, Word
from engine.compile.posting_entry import Entry
from engine.compile.postings_origin import corrected_rows, kind_of, returned_moves
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Expr, Path, this_path
from engine.expressions.types import DATE, Type, choice
from engine.frozen import Frozen
from engine.model import Fits, Later, Posting
from engine.problems import did_you_mean, got
from engine.yaml_source import Items, Scalar

VERBS = ("add", "take", "returns", "revalue")
KEYS = frozenset(schema_keys.POSTING)
NOTHING = "nothing"


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
    entry = Entry(bench, draft, id, part, verbs[0], "", each, rows, scope_of(bench, rows), earlier=earlier)
    returned = returned_moves(entry) if entry.verb == "returns" else None
    entry.ledger = returned[1] if returned else _ledger(entry) if entry.verb != "returns" else ""
    if not entry.ledger:
        return None
    _add_explode(entry)
    return _finish(entry, returned)


def _ledger(entry: Entry) -> str:
    word = entry.part.word(entry.verb)
    id = word.text if word else ""
    if id in entry.bench.ledgers:
        return id
    entry.problem("D304", entry.verb, f"unknown ledger {got(id)}", did_you_mean(id, entry.bench.ledgers))
    return ""


def _finish(entry: Entry, returned: tuple[Expr, str, str] | None) -> Posting:
    part, bench = entry.part, entry.bench
    rows, of_posting = corrected_rows(entry) if entry.verb == "revalue" else (None, "")
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
        upto=_upto(entry),
        later=_later(entry),
        fits=_fits(entry),
    )


def _add_explode(entry: Entry) -> None:
    part = entry.part.part("explode")
    if part is None:
        return
    structure = structure_part(entry.bench, part)
    if structure is None:
        return
    entry.explode = read_explode(entry.bench, part, structure, entry.scope)
    entry.scope = scope_of(entry.bench, entry.rows, component_names(entry.bench, structure))


def _upto(entry: Entry) -> Expr | None:
    word = entry.part.word("upto")
    return parse(word, entry.scope) if word is not None else None


def _later(entry: Entry) -> Later | None:
    part = entry.part.part("later")
    if part is None:
        return None
    if not entry.part.has("upto"):
        entry.problem("D704", "later", "nothing is left for later without upto", "write upto: and an expression")
    scope = scope_of(entry.bench, entry.rows)
    words = [part.word(key) for key in ("while", "order")]
    for key, word in zip(("while", "order"), words, strict=True):
        if word is None:
            part.problem("D204", "", f"key {key} is missing", f"write {key}:")
    waits, first = words
    if waits is None or first is None:
        return None
    condition, order = parse_condition(waits, scope), parse(first, scope)
    return Later(condition=condition, order=order) if condition and order else None


def _fits(entry: Entry) -> Fits | None:
    """What the row demands of a balance: parsed on the balance, with the row as ``this``."""
    word = entry.part.word("fits")
    if word is None:
        return None
    if not (entry.verb == "take" and entry.part.has("allocate")):
        entry.problem("D704", "fits", "only a take that allocates chooses balances", "write take: and allocate:")
    scope = AppScope(bench=entry.bench, root_entity=f"ledger.{entry.ledger}", this_entity=entry.rows)
    that = parse_condition(word, scope)
    if that is None:
        return None
    say = message(entry.part.word("say"), scope) or plain_message(
        f"没有符合条件的结存：{that.text}", f"No balance fits: {that.text}"
    )
    read = [that, *(piece for piece in (*say.zh, *say.en) if isinstance(piece, Expr))]
    paths = {this_path(node) for expr in read for node in expr.inputs if isinstance(node, Path) and node.root == "this"}
    given = {
        path: parse(Word(path, word.place, word.path), scope_of(entry.bench, entry.rows)) for path in sorted(paths)
    }
    return Fits(that=that, say=say, given=Frozen({path: expr for path, expr in given.items() if expr is not None}))


def _source(entry: Entry) -> str:
    word = entry.part.word("from")
    if word is None:
        return ""
    if word.text not in entry.earlier:
        remedy = did_you_mean(word.text, entry.earlier, "name a posting that stands before this one")
        entry.problem("D708", "from", f"no posting {got(word.text)} before this one", remedy)
    return word.text


def _kind(entry: Entry, returned: tuple[Expr, str, str] | None) -> str:
    """The kind that is said; what comes back is of the kind of what went, where nothing is said."""
    word = entry.part.word("kind")
    if word is None and returned is not None:
        return kind_of(entry, returned[0].type.targets[0], returned[2])
    kinds = entry.bench.ledgers[entry.ledger].kinds
    if word is not None and word.text not in kinds:
        what = f"ledger {entry.ledger} has no kind {got(word.text)}"
        entry.problem("D304", "kind", what, did_you_mean(word.text, kinds))
    return word.text if word else ""


# --- amounts and dimensions


def _resources(entry: Entry) -> dict[str, Part]:
    return dict(entry.ledger_part.parts("resources"))


def _amounts(entry: Entry) -> Frozen[str, Expr | None]:
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


def _amount_type(entry: Entry, key: str, resources: dict[str, Part]) -> Type | None:
    """The type of an amount. What comes back may be measured by a resource that only its origin had (quantity)."""
    if key in resources:
        return entry.bench.rows[f"ledger.{entry.ledger}"][key].type
    if entry.verb != "returns":
        return None
    others = entry.bench.ledgers.values()
    return next((each.figures[key].type for each in others if key in each.figures and key not in each.dimensions), None)


def _add_missing_amounts(entry: Entry, resources: dict[str, Part], done: dict[str, Expr | None]) -> None:
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


def _dimensions(entry: Entry, spread: str) -> Frozen[str, Expr]:
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


def _carried(entry: Entry) -> set[str]:
    """Dimensions that the moves carried on bring with them."""
    source = entry.earlier.get(entry.part.text("from"), "")
    return set(entry.bench.ledgers[source].dimensions) if source else set()


def _by_name(entry: Entry, id: str, type: Type) -> Expr | None:
    """The line's field of the dimension's name, else the header's, else nothing where it may stay open."""
    place, path = entry.part.place, entry.part.path_of("at") if entry.part.has("at") else entry.part.path
    if entry.bench.draft(entry.rows, id) is not None:
        return parse(Word(id, place, path), entry.scope, type)
    if entry.each and entry.bench.draft(entry.owner.id, id) is not None:
        return parse(Word(f"parent.{id}", place, path), entry.scope, type)
    _leave_open(entry, id)
    return None


def _leave_open(entry: Entry, id: str) -> None:
    """Note a dimension without a value that needs one."""
    if not _may_stay_open(entry, id):
        what = f"dimension {id} of ledger {entry.ledger} has no value"
        remedy = f"write at: {{{id}: …}}, or give the line a field {id}"
        entry.problem("D703", "at" if entry.part.has("at") else "", what, remedy)


def _may_stay_open(entry: Entry, id: str) -> bool:
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


def _allocate(entry: Entry) -> Expr | None:
    word = entry.part.word("allocate")
    if word is None:
        return None
    names = [id for id, _ in entry.ledger_part.parts("allocations")]
    type = choice(*names)
    if word.text.startswith("="):
        return parse(after_equals(word), entry.scope, type)
    return constant(word, type, entry.scope)


def _short(entry: Entry) -> tuple[str, Frozen[str, Expr]]:
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


def _spread(entry: Entry) -> tuple[str, Expr, Expr] | None:
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
