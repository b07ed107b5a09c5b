"""Keys of ledgers, structures, plans, roles, figures and layouts; see ``schema_keys``."""

from __future__ import annotations

from engine.schema_keys import (
    _AFTER,
    _ENTRY,
    _LABEL,
    _RETIRED,
    COUNT,
    EXPRESSION,
    FLAG,
    FLAG_OR_EXPRESSION,
    NAME,
    NAME_OR_NAMES,
    NAMES,
    PATH,
    TEXT,
    VALUE,
    Keys,
    each,
    mapped,
    ref,
    text_or,
    words,
)

TRACED: Keys = {
    "from": (NAME, "Field of the document that names where the walk begins."),
    "direction": (words("forward", "backward"), "Where it went (forward, unless said) or where it came from."),
    "to": (NAME, "Entity of the records that become lines."),
    "upon": (NAME, "Transition that fills the lines."),
    "fill": (mapped(EXPRESSION), "Fields of the made lines; knows `this`, `traced` and `traced_from`."),
}
ALLOT: Keys = {
    "posting": (PATH, "`set.posting` whose balances the lines are split over."),
    "dimension": (NAME, "Dimension written into the line (that of the field's name unless said)."),
    "into": (NAME, "Field that receives it; lines that name one already are left alone."),
    "upon": (NAME_OR_NAMES, "Transitions that split the lines."),
}
LEDGER: Keys = {
    **_ENTRY,
    "dimensions": (each(ref("dimension")), "Keys of a balance."),
    "resources": (each(ref("resource")), "Amounts of a balance."),
    "kinds": (each(TEXT), "Kinds of move."),
    "totals": (each(NAMES), "Grains kept beside the finest balance."),
    "valuation": (ref("valuation"), "How what is taken is valued."),
    "allocations": (each(ref("allocation")), "Orders over open balances."),
    "measures": (each(ref("measure")), "Figures at the grain of a total."),
    "guards": (each(ref("ledger_guard")), "What must hold at the end of a transaction."),
}
DIMENSION: Keys = {
    "label": _LABEL,
    "after": _AFTER,
    "to": (NAME_OR_NAMES, "Entities it may name."),
    "type": (words("choice", "date", "text", "integer"), "A plain value instead."),
    "options": (each(text_or("option")), "Options of a choice."),
    "optional": (FLAG_OR_EXPRESSION, "May be empty; a constant or `= condition` on the key."),
}
RESOURCE: Keys = {
    "label": _LABEL,
    "after": _AFTER,
    "type": (words("quantity", "money", "decimal", "integer", "duration"), "What is kept."),
    "of": (PATH, "Dimension that a quantity measures."),
    "unit": (PATH, "Path to the unit of a quantity."),
    "optional": (FLAG, "May be missing."),
    "secrecy": (NAME, "Secrecy tag."),
}
VALUATION: Keys = {
    "quantity": (NAME, "Resource that holds the quantity."),
    "value": (NAME, "Resource that holds the value."),
    "method": (VALUE, "average, fifo, lot, standard, none, or `= expression`."),
    "pool": (VALUE, "One of the pools, or `= expression`."),
    "pools": (each(NAMES), "Pool → dimensions it is valued by."),
    "standard": (EXPRESSION, "Cost of one for the method `standard`."),
}
ALLOCATION: Keys = {
    "label": _LABEL,
    "over": (NAMES, "Dimensions left open."),
    "where": (EXPRESSION, "Which balances; what is named by hand must fit too."),
    "say": (TEXT, "Said of a balance that is named and does not fit."),
    "none": (TEXT, "Said where no balance fits."),
    "order": (NAMES, "Paths in order, `-` for descending, `first_in` for age."),
    "share": (NAME, "In proportion to this resource instead of in turn."),
}
MEASURE: Keys = {
    "label": _LABEL,
    "per": (NAME, "Total whose grain it has."),
    "formula": (EXPRESSION, "The figure."),
    "secrecy": (NAME, "Secrecy tag."),
}
LEDGER_GUARD: Keys = {
    "that": (EXPRESSION, "What must hold."),
    "unless": (EXPRESSION, "Does not apply when this holds."),
    "say": (TEXT, "What is said otherwise; knows `before` and `wanted`."),
    "per": (NAME, "Total it holds at; the finest key unless said."),
    "retired": _RETIRED,
}
GUARD: Keys = {**LEDGER_GUARD, "per": (ref("grain"), "Total that all ledgers share.")}
GRAIN: Keys = {
    "ledger": (NAME, "Ledger."),
    "total": (NAME, "Total of it."),
}
STRUCTURE: Keys = {
    "label": _LABEL,
    "of": (NAME, "Entity of the headers."),
    "makes": (NAME, "Field that names what is made."),
    "lines": (NAME, "Lines field of the components."),
    "uses": (NAME, "Field of a line that names the component."),
    "need": (EXPRESSION, "Needed per one made, on the line."),
    "fixed": (EXPRESSION, "Needed per order, on the line."),
    "round": (EXPRESSION, "Needs are rounded up to this step."),
    "version": (ref("version"), "Which version is valid when."),
    "through": (EXPRESSION, "Components exploded through, never stocked."),
    "instead": (NAME, "References field of alternates."),
    "loss": (NAME, "Field of a line that holds the loss, shown apart."),
    "also_makes": (ref("also_makes"), "By-products."),
    "bought_cost": (EXPRESSION, "Cost of a component that is not made, on the component."),
}
VERSION: Keys = {
    "where": (EXPRESSION, "Versions in use."),
    "from": (NAME, "Field with the first day."),
    "to": (NAME, "Field with the last day."),
}
ALSO_MAKES: Keys = {
    "lines": (NAME, "Lines field of by-products."),
    "item": (NAME, "Field that names the by-product."),
    "qty": (NAME, "Field with the quantity."),
    "share": (NAME, "Field with the share of cost."),
}
PLAN: Keys = {
    "label": _LABEL,
    "structure": (NAME, "Structure needs are exploded along."),
    "for": (ref("plan_for"), "What is planned."),
    "demands": (each(ref("flow")), "What is needed."),
    "supplies": (each(ref("flow")), "What is there or coming."),
    "keep": (EXPRESSION, "Stock kept for safety."),
    "order_point": (EXPRESSION, "Stock at which one orders."),
    "target": (EXPRESSION, "Stock one orders up to."),
    "lots": (ref("lots"), "Sizes of orders."),
    "lead_time": (EXPRESSION, "Days from order to arrival."),
    "horizon": (TEXT, "How far one looks, as in `90 days`."),
    "per_place": (FLAG, "What is needed in a place is covered there; otherwise the firm is one place."),
    "suggest": (each(ref("suggest")), "What a planned order becomes."),
}
PLAN_FOR: Keys = {"of": (NAME, "Entity."), "where": (EXPRESSION, "Which records.")}
FLOW: Keys = {
    **_ENTRY,
    "of": (PATH, "Entity or lines (`entity.lines`)."),
    "ledger": (NAME, "Ledger: what is there now."),
    "where": (EXPRESSION, "Which rows."),
    "item": (EXPRESSION, "What it is."),
    "qty": (EXPRESSION, "How much."),
    "date": (EXPRESSION, "When."),
    "place": (EXPRESSION, "Where."),
    "late": (words("show"), "Late supply is shown, not ordered twice (always so)."),
    "reserves": (NAME, "Ledger in which the demand already holds its quantity."),
}
LOTS: Keys = {
    "minimum": (EXPRESSION, "Least quantity."),
    "multiple": (EXPRESSION, "Pack size."),
    "group_days": (COUNT, "Needs of so many days become one order."),
}
SUGGEST: Keys = {
    **_ENTRY,
    "if": (EXPRESSION, "Which planned orders."),
    "draw": (NAME, "Document that is made."),
    "set": (mapped(EXPRESSION), "Header fields; knows item, qty, need_date, order_date, place."),
    "into": (NAME, "Lines field of the document (its `lines` unless said; none: the header is the order)."),
    "lines": (mapped(EXPRESSION), "Fields of its line (item and qty bind by themselves)."),
    "group": (NAMES, "One document for equal values of these header fields."),
}
ROLE: Keys = {
    "label": _LABEL,
    "retired": _RETIRED,
    "sees": (NAMES, "Secrecy tags."),
    "can": (
        mapped({"type": "array", "items": {"type": "string"}}),
        "Entity, ledger.<id>, report.<id>, plan.<id> or all → actions.",
    ),
    "fields": (mapped(mapped(words("hidden", "read"))), "Entity → field → hidden or read."),
    "rows": (each(ref("row_rule")), "Rows it sees."),
}
ROW_RULE: Keys = {
    "of": (NAMES, "Entities or ledger.<id>."),
    "where": (EXPRESSION, "Which rows."),
    "retired": _RETIRED,
}
_COLORS = (mapped(EXPRESSION), "Colour → condition; the last that holds wins.")
CARD: Keys = {
    **_ENTRY,
    "help": (TEXT, "What it says and how it comes about."),
    "of": (PATH, "Entity, ledger or plan.<id>."),
    "where": (EXPRESSION, "Which rows."),
    "parts": (each(ref("part")), "Named steps that explain the figure."),
    "value": (EXPRESSION, "The figure."),
    "unit": (TEXT, "Unit shown behind it."),
    "format": (words("number", "money", "quantity", "percent", "text", "days"), "How it is written."),
    "period": (text_or("period"), "Period it is about."),
    "colors": _COLORS,
    "target": (EXPRESSION, "What one wants to reach."),
    "better": (words("higher", "lower"), "Which way is good."),
    "compare": (words("last_month", "last_year", "previous"), "What it is compared with."),
    "opens": (text_or("opens"), "Where it leads."),
    "alerts": (NAMES, "Alerts whose open ones it counts (`alerts` in its formulas); it wears their colour."),
}
PERIODS = (
    "today",
    "this_week",
    "last_7_days",
    "this_month",
    "last_month",
    "last_30_days",
    "last_90_days",
    "this_quarter",
    "this_year",
    "last_12_months",
)
PERIOD: Keys = {
    "default": (words(*PERIODS), "Period shown first."),
    "choices": ({"type": "array", "items": words(*PERIODS)}, "Periods offered."),
}
OPENS: Keys = {
    "view": (PATH, "entity.view"),
    "report": (NAME, "Report."),
    "plan": (NAME, "Plan."),
}
PART: Keys = {"label": _LABEL, "value": (EXPRESSION, "The step.")}
REPORT: Keys = {
    **_ENTRY,
    "help": (TEXT, "What it says."),
    "of": (PATH, "Entity, ledger or plan.<id>."),
    "where": (EXPRESSION, "Which rows."),
    "rows": (NAMES, "Paths to group by, outer first."),
    "columns": (each(ref("column")), "Column axes."),
    "measures": (each(ref("report_measure")), "Figures."),
    "filters": (NAMES, "Filters offered."),
    "totals": ({"type": "array", "items": {"type": "string", "enum": ["rows", "columns"]}}, "Totals shown."),
    "chart": (ref("chart"), "Chart above the table."),
    "period": (words(*PERIODS), "Period it is about."),
    "sort": (NAMES, "Measures or rows, `-` for descending."),
}
COLUMN: Keys = {
    "label": _LABEL,
    "after": _AFTER,
    "by": (PATH, "Path whose values are the columns."),
    "buckets": (EXPRESSION, "Number put into buckets."),
    "edges": ({"type": "array", "items": {"type": ["number", "string"]}}, "Edges of the buckets."),
    "names": (
        {"type": "array", "items": TEXT},
        "Names of the first buckets, instead of their edges: `未到期 | Not due`.",
    ),
    "empty": (TEXT, "Name of the bucket without a value."),
}
REPORT_MEASURE: Keys = {
    **_ENTRY,
    "value": (EXPRESSION, "The figure; later ones may name earlier ones."),
    "secrecy": (NAME, "Secrecy tag."),
}
CHART: Keys = {
    "type": (words("bar", "line", "pie", "stacked", "area", "scatter", "quadrant"), "Kind of chart."),
    "x": (PATH, "Row path or column axis along x; of a scatter, what each point is."),
    "y": (NAME_OR_NAMES, "Measures."),
    "across": (NAME, "Of a scatter: the measure along x; `y` is the one upwards."),
    "size": (NAME, "Of a scatter: the measure that makes points larger."),
    "limits": (mapped(EXPRESSION), "Of quadrants: by measure, where the line stands; `mean` is that of the points."),
    "corners": (mapped(TEXT), "Of quadrants: their names; low_low, low_high, high_low, high_high (across, upwards)."),
}
DASHBOARD: Keys = {
    **_ENTRY,
    "for": (NAMES, "Roles (all unless said)."),
    "blocks": (NAMES, "card.<id>, report.<id>, plan.<id>, view.<entity>.<id>, tasks."),
}
PRINT: Keys = {
    **_ENTRY,
    "of": (NAME, "Entity."),
    "size": (TEXT, "Size of a label, as in `60x40 mm`."),
    "paper": (ref("paper"), "Paper."),
    "blocks": (each(ref("print_block")), "What stands on it."),
}
PAPER: Keys = {
    "size": (TEXT, "A4, A5, A6 or `241x140 mm`."),
    "feed": (words("single", "continuous"), "Single sheets or continuous paper."),
    "rows": (COUNT, "Lines a page."),
    "copies": (each(TEXT), "Names of the copies."),
}
PRINT_BLOCK: Keys = {
    "after": _AFTER,
    "retired": _RETIRED,
    "text": (TEXT, "Text with <values>."),
    "fields": (NAMES, "Fields with their labels."),
    "table": (NAME, "Lines field."),
    "columns": (
        {"type": ["integer", "array"], "items": {"type": "string"}},
        "Number of columns; in a table their paths; with `moves` the dimensions shown.",
    ),
    "moves": (PATH, "`ledger.figure`: its moves about the record, in order, with what stands after each."),
    "by": (NAME, "With `moves`: the dimension that names the record (the only one that may, unless said)."),
    "came": (TEXT, "With `moves`: what comes is headed by this."),
    "went": (TEXT, "With `moves`: what goes is headed by this."),
    "page_totals": (NAMES, "Columns summed on every page."),
    "pad_rows": (FLAG, "Empty rows to the end of the page."),
    "signatures": ({"type": "array", "items": {"type": "string"}}, "Places to sign."),
    "qr": (EXPRESSION, "A code to scan."),
}
MENU_GROUP: Keys = {
    **_ENTRY,
    "entries": (NAMES, "Entities, ledger.<id>, report.<id>, plan.<id>."),
}
OPENING: Keys = {
    **_ENTRY,
    "of": (NAME, "Entity taken as it is; with a ledger, the document that brings its balances: refused once live."),
    "ledger": (NAME, "Ledger whose balances are taken over."),
}
FIRST_STEP: Keys = {
    **_ENTRY,
    "of": (NAME, "Entity: done when there are records."),
    "ledger": (NAME, "Ledger: done when something was posted into it; with `of`, the document that posts it."),
    "accounts": (COUNT, "Done when so many people can log in."),
    "least": (COUNT, "How many records it takes; 1 unless said."),
}
DEMO: Keys = {
    "data": (PATH, "Folder of the demo data."),
    "clock": (TEXT, "Moment the demo stands at."),
}
