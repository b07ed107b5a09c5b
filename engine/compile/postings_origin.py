"""What a posting brings back and what it corrects: moves that another posting made."""

from __future__ import annotations

from engine.compile.bench import EntityDraft
from engine.compile.part import Part, Word
from engine.compile.posting_entry import Entry
from engine.compile.scope import parse
from engine.expressions.tree import Expr, Path, Rows
from engine.expressions.types import reference
from engine.problems import did_you_mean, got


def returned_moves(entry: Entry) -> tuple[Expr, str, str] | None:
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


def _ledger_of(entry: Entry, rows: str, posting: str) -> str:
    """The ledger that a posting of the document of ``rows`` writes to."""
    return _posting_part(entry, rows, posting)[1]


def _posting_part(entry: Entry, rows: str, posting: str, depth: int = 0) -> tuple[Part | None, str]:
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


def _through(entry: Entry, owner: EntityDraft, part: Part, depth: int) -> str:
    """The ledger of a posting that itself brings moves back."""
    path, _, posting = part.text("returns").rpartition(".")
    rows = f"{owner.id}.{part.text('each')}" if part.has("each") else owner.id
    info = entry.bench.info(rows, path) if rows in entry.bench.entities else None
    if info is None or not info.type.targets:
        return ""
    return _posting_part(entry, info.type.targets[0], posting, depth + 1)[1]


def corrected_rows(entry: Entry) -> tuple[Rows | None, str]:
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


def kind_of(entry: Entry, rows: str, posting: str) -> str:
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
