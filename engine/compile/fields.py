"""Second pass: drafts of fields become fields of the model."""

from __future__ import annotations

from engine.compile.bench import Bench, FieldDraft
from engine.compile.constants import after_equals, value_or_expression
from engine.compile.part import Part, Word, bilingual, from_id
from engine.compile.paths import check_reference
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.tree import Conditional, Expr, Node, Path
from engine.expressions.types import Kind, Type
from engine.field_types import FIELD_TYPES
from engine.frozen import Frozen
from engine.model import Field, Option, Text
from engine.problems import did_you_mean, got
from engine.yaml_source import Block, Scalar


def compile_field(bench: Bench, draft: FieldDraft) -> Field:
    """The field of the model; its formula was parsed when its type was asked for."""
    info = bench.ask(draft)
    part = draft.part
    scope = scope_of(bench, draft.entity)
    _check_keys(bench, draft)
    value = info.type
    return Field(
        id=draft.id,
        entity=draft.entity,
        type=draft.type,
        value=value,
        label=part.label("label", draft.id),
        help=part.label("help", draft.id) if part.has("help") else None,
        required=condition_or_flag(part, "required", scope, False),
        visible=condition_or_flag(part, "visible", scope, True),
        readonly=condition_or_flag(part, "readonly", scope, part.has("formula")),
        default=value_or_expression(part.word("default"), value, scope),
        fill=_expression(part.word("fill"), scope, value),
        formula=draft.formula,
        live=info.live,
        along=part.text("along"),
        minimum=value_or_expression(part.word("min"), value, scope),
        maximum=value_or_expression(part.word("max"), value, scope),
        max_length=part.number("max_length"),
        options=_options(bench, draft),
        targets=value.targets if value.kind is Kind.REFERENCE and not draft.lines else (),
        reverse=part.text("reverse"),
        where=_where(bench, draft, value),
        among=_among(part.word("among"), scope),
        create=_create(bench, draft, value),
        lines=draft.lines,
        unit_field=part.text("unit"),
        of_field=part.text("of"),
        per_field=part.text("per"),
        unique=part.flag("unique"),
        fixed=part.text("fixed"),
        secrecy=info.secrecy,
        many=part.flag("many") or draft.type in ("references", "choices"),
        retired=part.retired,
        standard=draft.standard,
        origin=part.origin,
    )


def _expression(word: Word | None, scope: AppScope, expect: Type) -> Expr | None:
    return parse(word, scope, expect) if word is not None else None


def condition_or_flag(part: Part, key: str, scope: AppScope, default: bool) -> bool | Expr:
    """A constant, or with ``=`` a condition."""
    word = part.word(key)
    if word is None:
        return default
    if not word.text.startswith("="):
        return word.text == "true"
    return parse_condition(after_equals(word), scope) or default


def _check_keys(bench: Bench, draft: FieldDraft) -> None:
    """Keys that the field's type does not know, and those it needs."""
    if draft.type not in FIELD_TYPES:
        return
    spec = FIELD_TYPES[draft.type]
    part = draft.part
    for key in part.block.entries:
        if key not in spec.all_keys and not (key in ("formula", "along") and draft.formula is not None):
            what = f"a {draft.type} field has no key {key}"
            bench.problems.add("D401", part.place_of(key), part.path_of(key), what, did_you_mean(key, spec.all_keys))
    for key in sorted(spec.needs):
        if not part.has(key) and not part.has("formula"):
            part.problem("D402", "", f"a {draft.type} field needs {key}", f"write {key}: here")
    if draft.type == "lines" and not part.has("fields") and not part.has("traits"):
        part.problem("D402", "", "a lines field needs fields or traits", "write fields: here")
    if draft.type in ("member", "department") and not getattr(bench, f"{draft.type}s"):
        part.problem("D402", "type", f"the app names no entity of {draft.type}s", f"write {draft.type}s: in the app")
    _check_units(bench, draft)
    _check_secrecy(bench, part)


def _check_secrecy(bench: Bench, part: Part) -> None:
    tags = bench.root.part("secrecy")
    word = part.word("secrecy")
    known = tags.block.entries if tags else {}
    if word is not None and word.text not in known:
        bench.problems.add(
            "D304", word.place, word.path, f"unknown secrecy tag {got(word.text)}", did_you_mean(word.text, known)
        )


def _check_units(bench: Bench, draft: FieldDraft) -> None:
    for key in ("unit", "of", "per"):
        word = draft.part.word(key)
        if word is not None and word.text != "this":
            check_reference(bench, draft.entity, word)


def options_of(part: Part, key: str) -> tuple[Option, ...]:
    """The options under a key: a text each, or a block."""
    done = []
    for id, node in part.entries(key):
        if isinstance(node, Scalar):
            done.append(Option(id=id, label=bilingual(node.text, id)))
        elif isinstance(node, Block):
            inner = Part(node, f"{part.path_of(key)}.{id}", part.problems)
            done.append(Option(id=id, label=inner.label("label", id), color=inner.text("color"), retired=inner.retired))
    return tuple(done)


def _options(bench: Bench, draft: FieldDraft) -> tuple[Option, ...]:
    written = options_of(draft.part, "options")
    if written or draft.type not in ("choice", "choices") or draft.formula is None:
        return written
    borrowed = _borrowed(bench, draft.formula.tree)
    ids = draft.formula.type.options
    return tuple(borrowed.get(id) or Option(id=id, label=Text(from_id(id), from_id(id))) for id in ids)


def _borrowed(bench: Bench, tree: Node) -> dict[str, Option]:
    """Options of the choice fields a formula hands on."""
    if isinstance(tree, Conditional):
        return {**_borrowed(bench, tree.then), **_borrowed(bench, tree.otherwise)}
    if not isinstance(tree, Path) or not tree.steps:
        return {}
    entities = [draft for draft in bench.entities.values() if tree.steps[-1] in draft.fields]
    found: dict[str, Option] = {}
    for entity in entities:
        options = options_of(entity.fields[tree.steps[-1]].part, "options")
        if {option.id for option in options} == set(tree.type.options):
            found.update({option.id: option for option in options})
    return found


def _where(bench: Bench, draft: FieldDraft, value: Type) -> Expr | None:
    """What a reference may pick: bare names are the picked record, ``this`` is the one that refers."""
    word = draft.part.word("where")
    if word is None or not value.targets:
        return None
    scope = AppScope(bench=bench, root_entity=value.targets[0], this_entity=draft.entity)
    return parse_condition(word, scope)


def _among(word: Word | None, scope: AppScope) -> Expr | None:
    """The set a reference picks from, kept as the path to it."""
    if word is None:
        return None
    return among_path(word, scope)


def among_path(word: Word, scope: AppScope) -> Expr | None:
    """A path through references to a lines field or many-reference."""
    steps = word.text.split(".")
    entity = scope.root_entity
    type: Type | None = None
    for step in steps:
        info = scope.field(entity, step) if entity else None
        if info is None:
            remedy = did_you_mean(step, scope.fields(entity))
            scope.bench.problems.add("D305", word.place, word.path, f"unknown field {got(step)}", remedy)
            return None
        type = info.type
        entity = info.lines or (type.targets[0] if type.targets else "")
    assert type is not None
    tree = Path(root="record", entity=scope.root_entity, steps=tuple(steps), type=type)
    return Expr(text=word.text, tree=tree, type=type, inputs=(tree,))


def _create(bench: Bench, draft: FieldDraft, value: Type) -> Frozen[str, Expr] | None:
    """Values of the record made for an unknown code."""
    part = draft.part.part("create")
    if part is None or not value.targets:
        return None
    return fill_of(bench, draft.part, "create", value.targets[0], scope_of(bench, draft.entity))


def fill_of(bench: Bench, part: Part, key: str, entity: str, scope: AppScope) -> Frozen[str, Expr]:
    """Field id of ``entity`` → expression, typed by the field."""
    done: dict[str, Expr] = {}
    for id, word in part.pairs(key):
        target = bench.draft(entity, id)
        if target is None:
            what = f"{entity} has no field {got(id)}"
            bench.problems.add("D305", word.place, word.path, what, did_you_mean(id, bench.names(entity)))
            continue
        expr = parse(word, scope, bench.ask(target).type)
        if expr is not None:
            done[target.id] = expr
    return Frozen(done)
