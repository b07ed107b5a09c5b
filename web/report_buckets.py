"""The way down from a bucket (an age, a price range): the address names it, the rows behind it are those within it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from flask import request

from engine.expressions.render import render
from engine.model import Column, Report
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.report_axes import Bucket, bucket_title
from runtime.reports import Across

NAME = "bucket"
APART = "~"


@dataclass(frozen=True, slots=True)
class Within:
    """A bucket in words, and as a condition over the rows."""

    label: str
    text: str
    condition: str


def told(report: Report, column: Across) -> Iterable[tuple[str, str]]:
    """The parameters that lead to the buckets of a column of the report."""
    ranges = [bucket for bucket in column.key if isinstance(bucket, Bucket)]
    axes = [axis for axis in report.columns if axis.buckets is not None]
    for axis, bucket in zip(axes, ranges, strict=False):
        low, high = ("" if edge is None else f"{edge.normalize():f}" for edge in (bucket.low, bucket.high))
        yield NAME, APART.join((report.id, axis.id, low, high))


def within(ctx: RunContext, of: str) -> list[Within]:
    """The buckets the address names, of reports about ``of``."""
    return [_read(ctx, of, text) for text in request.args.getlist(NAME) if text]


def condition(ctx: RunContext, of: str) -> str:
    """The buckets of the address as one condition ("" = none)."""
    return " and ".join(each.condition for each in within(ctx, of))


def chips(ctx: RunContext, of: str, drop_url: str) -> list[dict[str, str]]:
    """The buckets of the address in words, with the way out of them."""
    return [{"label": w.label, "text": w.text, "drop_url": drop_url} for w in within(ctx, of)]


def _read(ctx: RunContext, of: str, text: str) -> Within:
    parts = text.split(APART)
    report = ctx.app.model.reports.get(parts[0])
    axis = next((c for c in report.columns if c.id == parts[1]), None) if report and len(parts) == 4 else None
    if report is None or axis is None or axis.buckets is None or report.of != of:
        raise Malformed(fault(ctx, "filter_bad", NAME, reason=text[:40]))
    bucket = Bucket(_edge(ctx, parts[2]), _edge(ctx, parts[3]))
    return Within(axis.label.get(ctx.language), bucket_title(axis, bucket, ctx.language), _condition(axis, bucket))


def _edge(ctx: RunContext, text: str) -> Decimal | None:
    try:
        edge = Decimal(text) if text else None
    except InvalidOperation:
        edge = Decimal("NaN")
    if edge is not None and not edge.is_finite():
        raise Malformed(fault(ctx, "filter_bad", NAME, reason=text[:40]))
    return edge


def _condition(axis: Column, bucket: Bucket) -> str:
    assert axis.buckets is not None
    value = f"({render(axis.buckets.tree)})"
    sides = [f"{value} > {bucket.low:f}"] if bucket.low is not None else []
    return " and ".join([*sides, *([f"{value} <= {bucket.high:f}"] if bucket.high is not None else [])]) or "true"
