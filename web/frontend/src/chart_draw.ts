/** The drawing itself: one accent, soft base, grey market, red or amber only for what broke a limit. */
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import { grouped } from "./numbers";

use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, TooltipComponent, MarkLineComponent, MarkAreaComponent, CanvasRenderer, LabelLayout]);

export type Role = "own" | "base" | "market" | "warn" | "bad" | "good";
export type Point = number | null | number[] | { value: number | number[]; name?: string; role?: Role; url?: string };
export type Corner = "low_low" | "low_high" | "high_low" | "high_high";
export interface Series { name: string; data: Point[]; kind?: string; role?: Role; axis?: number; labels?: boolean; step?: boolean }
export interface Spec { kind: string; unit?: string; units?: string[]; categories?: string[]; series: Series[]; target?: { value: number; label?: string; axis?: number }; limits?: { x?: number | null; y?: number | null }; axes?: { name: string; percent: boolean }[]; corners?: Partial<Record<Corner, string>>; wan?: boolean }
export interface Drawn { paint(): void; resize(): void }

const TOKENS: Record<Role, string> = { own: "--accent-fill", base: "--chart-base", market: "--text-3", warn: "--amber-mark", bad: "--red-fill", good: "--green-mark" };
const LINE_TOKENS: Partial<Record<Role, string>> = { own: "--accent" };

function theme(): { color: (name: string) => string; font: string; dark: boolean } {
  const style = getComputedStyle(document.documentElement);
  return { color: (name) => style.getPropertyValue(name).trim(), font: style.getPropertyValue("--font"), dark: style.colorScheme === "dark" };
}

/** 1863420 → 186万 or 1.9M, so that axes stay narrow. */
export function short(value: number): string {
  const english = document.documentElement.lang.startsWith("en");
  const steps: [number, string][] = english ? [[1e9, "B"], [1e6, "M"], [1e3, "k"]] : [[1e8, "亿"], [1e4, "万"]];
  const step = steps.find(([size]) => Math.abs(value) >= size && (size !== 1e3 || Math.abs(value) >= 1e4));
  return step ? `${grouped(String(Number((value / step[0]).toFixed(1))))}${step[1]}` : grouped(String(value));
}

function pointValue(point: Point): number {
  const value = typeof point === "object" && point !== null && !Array.isArray(point) ? point.value : point;
  return Array.isArray(value) ? value[1] ?? 0 : value ?? 0;
}

/** A waterfall is a hidden bar under a visible one. */
function waterfall(spec: Spec): Series[] {
  const points = spec.series[0]!.data;
  let level = 0;
  const hidden: number[] = [], seen: Point[] = [];
  points.forEach((point, index) => {
    const value = pointValue(point), ends = index === 0 || index === points.length - 1;
    const from = ends ? 0 : Math.min(level, level + value);
    hidden.push(from);
    seen.push({ value: ends ? value : Math.abs(value), name: ends ? grouped(String(value)) : `${value > 0 ? "+" : ""}${grouped(String(value))}`, role: typeof point === "object" && point && !Array.isArray(point) && point.role ? point.role : index === 0 ? "base" : ends ? "own" : value > 0 ? "warn" : "good" });
    level = ends ? value : level + value;
  });
  return [{ name: "", data: hidden, kind: "hidden", role: "base" }, { ...spec.series[0]!, data: seen, kind: "bar", labels: true }];
}

/** Where a waterfall's axis starts: just below its lowest step, so that the steps can be seen. */
function floorOf(spec: Spec): number | undefined {
  if (spec.kind !== "waterfall") return undefined;
  const values = spec.series[0]!.data.map(pointValue), ends = [values[0] ?? 0, values.at(-1) ?? 0];
  let level = 0;
  const levels = values.map((value, index) => (level = index === values.length - 1 ? value : level + value));
  const low = Math.min(...levels), high = Math.max(...levels);
  if (low <= 0 || (high - low) / high > 0.4 || Math.min(...ends) <= 0) return undefined;
  const size = 10 ** Math.floor(Math.log10(high - low || high));
  return Math.max(0, Math.floor((low - (high - low) * 0.6) / size) * size);
}

function seriesOption(s: Series, spec: Spec, look: ReturnType<typeof theme>): Record<string, unknown> {
  const role = s.role ?? "own", kind = s.kind ?? spec.kind;
  const line = kind === "line" || kind === "area";
  const color = look.color((line && LINE_TOKENS[role]) || TOKENS[role]);
  const data = s.data.map((p) => (typeof p === "object" && p !== null && !Array.isArray(p) ? { value: p.value, name: p.name, url: p.url, ...(p.role ? { itemStyle: { color: look.color(TOKENS[p.role]) } } : {}) } : p));
  const label = { show: s.labels ?? false, position: line ? "right" : "top", color: look.color("--text-1"), fontSize: 11, formatter: (p: { name: string; data: { name?: string }; value: number }) => p.data?.name ?? short(p.value) };
  const base = { name: s.name, data, yAxisIndex: s.axis ?? 0, color, itemStyle: { color }, label, animationDuration: 250 };
  if (kind === "hidden") return { ...base, type: "bar", stack: "steps", silent: true, itemStyle: { color: "transparent" }, label: { show: false }, tooltip: { show: false } };
  if (line) return { ...base, type: "line", step: s.step ? "end" : false, symbol: "circle", symbolSize: 5, showSymbol: s.data.length <= 14, lineStyle: { width: 2, color }, ...(kind === "area" ? { areaStyle: { color, opacity: 0.1 } } : {}), markLine: targetLine(s, spec, look) };
  if (kind === "scatter" || kind === "quadrant") return { ...base, type: "scatter", symbolSize: (value: number[]) => 9 + 15 * Math.sqrt(value[2] ?? 0), itemStyle: { color, opacity: 0.72 }, label: { ...label, show: s.labels ?? s.data.length <= 40, position: "right", color: look.color("--text-2") }, labelLayout: { hideOverlap: true }, markLine: quadrantLines(spec, look), markArea: quadrantCorners(spec, look) };
  return { ...base, type: "bar", barMaxWidth: 34, barCategoryGap: "32%", ...(spec.kind === "waterfall" || s.kind === "stack" ? { stack: "steps" } : {}), itemStyle: { color, borderRadius: [3, 3, 0, 0] }, markLine: targetLine(s, spec, look) };
}

function targetLine(s: Series, spec: Spec, look: ReturnType<typeof theme>): unknown {
  if (!spec.target || (spec.target.axis ?? 0) !== (s.axis ?? 0) || spec.series.find((x) => (x.axis ?? 0) === (spec.target!.axis ?? 0)) !== s) return undefined;
  return { silent: true, symbol: "none", lineStyle: { color: look.color("--text-3"), type: "dashed", width: 1 }, label: { formatter: spec.target.label ?? "", position: "insideStartTop", color: look.color("--text-3"), fontSize: 11 }, data: [{ yAxis: spec.target.value }] };
}

function quadrantLines(spec: Spec, look: ReturnType<typeof theme>): unknown {
  if (!spec.limits) return undefined;
  const data: unknown[] = [];
  if (spec.limits.x != null) data.push({ xAxis: spec.limits.x, label: { show: false } });
  if (spec.limits.y != null) data.push({ yAxis: spec.limits.y, label: { formatter: axisText(spec, 1)(spec.limits.y), position: "insideEndTop" } });
  return { silent: true, symbol: "none", lineStyle: { color: look.color("--text-3"), type: "dashed", width: 1 }, label: { color: look.color("--text-3"), fontSize: 11 }, data };
}

/** The four parts and what they are called; only that of both high is tinted, so that the points stay what one sees. */
function quadrantCorners(spec: Spec, look: ReturnType<typeof theme>): unknown {
  const { x, y } = spec.limits ?? {};
  if (x == null || y == null || !spec.corners) return undefined;
  const wide = rangeOf(spec, 0), high = rangeOf(spec, 1);
  const spots: Record<Corner, [unknown, unknown, string]> = {
    low_high: [{ xAxis: wide.min, yAxis: high.max }, { xAxis: x, yAxis: y }, "insideTopLeft"], high_high: [{ xAxis: x, yAxis: high.max }, { xAxis: wide.max, yAxis: y }, "insideTopRight"],
    low_low: [{ xAxis: wide.min, yAxis: y }, { xAxis: x, yAxis: high.min }, "insideBottomLeft"], high_low: [{ xAxis: x, yAxis: y }, { xAxis: wide.max, yAxis: high.min }, "insideBottomRight"],
  };
  const tints: Partial<Record<Corner, string>> = { high_high: "--green-soft", high_low: "--amber-soft" };
  const data = (Object.keys(spots) as Corner[]).filter((id) => spec.corners?.[id]).map((id) => {
    const [from, to, position] = spots[id], tint = tints[id] ? look.color(tints[id]) : "";
    return [{ ...(from as object), name: spec.corners![id], itemStyle: { color: tint || "transparent", opacity: tint ? 0.45 : 0 }, label: { show: true, position, color: look.color("--text-2"), fontSize: 11.5, fontWeight: 600 } }, to];
  });
  return { silent: true, data };
}

/** How figures of an axis read. */
const axisText = (spec: Spec, axis: number) => (value: number): string => (spec.axes?.[axis]?.percent ? `${Number((value * 100).toFixed(1))} %` : short(value));

/** Room beside the outermost points, so that none lies on the edge. */
function rangeOf(spec: Spec, axis: 0 | 1): { min: number; max: number } {
  const values = spec.series.flatMap((s) => s.data).map((p) => (p as { value: number[] }).value[axis] ?? 0);
  const line = axis ? spec.limits?.y : spec.limits?.x;
  const low = Math.min(...values, line ?? Infinity), high = Math.max(...values, line ?? -Infinity), room = (high - low || Math.abs(high) || 1) * 0.12;
  const size = 10 ** Math.floor(Math.log10(room || 1));
  return { min: axis ? Math.floor((low - room) / size) * size : Math.max(0, Math.floor((low - room) / size) * size), max: Math.ceil((high + room) / size) * size };
}

/** Many or long names read better down the side: the bars lie then. */
const lies = (spec: Spec): boolean => spec.kind === "bar" && spec.series.length === 1 && !spec.target && (spec.categories?.length ?? 0) > 5 && Math.max(...(spec.categories ?? []).map((name) => name.length)) > 5;

/** The value axis below, the names at the left, the first at the top. */
function lying(made: Record<string, unknown>, spec: Spec, axisLabel: Record<string, unknown>): Record<string, unknown> {
  const [values] = made["yAxis"] as Record<string, unknown>[];
  const names = made["xAxis"] as Record<string, unknown>;
  const series = (made["series"] as Record<string, unknown>[]).map((s) => ({ ...s, yAxisIndex: undefined, barMaxWidth: 14, itemStyle: { ...(s["itemStyle"] as object), borderRadius: [0, 3, 3, 0] } }));
  return { ...made, series, xAxis: { ...values, position: "bottom" }, yAxis: { ...names, inverse: true, data: spec.categories, axisLabel: { ...axisLabel, interval: 0, width: 104, overflow: "truncate" } } };
}

function option(spec: Spec): Record<string, unknown> {
  const look = theme();
  const series = spec.kind === "waterfall" ? waterfall(spec) : spec.series;
  const note = look.color("--text-3"), xy = spec.kind === "scatter" || spec.kind === "quadrant";
  const axes = [...new Set(series.map((s) => s.axis ?? 0))].sort();
  const named = spec.kind === "waterfall" ? [] : series.filter((s) => s.name);
  const axisLabel = { color: note, fontSize: 11, fontFamily: look.font };
  const made = {
    textStyle: { fontFamily: look.font, fontSize: 12, color: look.color("--text-2") },
    grid: { left: 4, right: xy ? 28 : 6, top: named.length > 1 || xy ? 34 : 16, bottom: xy ? 26 : 2, containLabel: true, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: named.length > 1 ? { show: true, left: 0, top: 0, itemWidth: 12, itemHeight: 8, itemGap: 14, data: named.map((s) => s.name), textStyle: { color: look.color("--text-2"), fontSize: 12 } } : { show: false },
    tooltip: { trigger: xy ? "item" : "axis", backgroundColor: look.color("--raised"), borderColor: look.color("--line-strong"), textStyle: { color: look.color("--text-1"), fontSize: 12 }, ...(xy ? { formatter: (p: { name: string; value: number[] }) => `${p.name}\n${[0, 1].map((a) => `${spec.axes?.[a]?.name ?? ""} ${axisText(spec, a)(p.value[a] ?? 0)}`).join("\n")}` } : {}), valueFormatter: (v: unknown) => (typeof v === "number" ? grouped(String(v)) : String(v ?? "–")), renderMode: "richText", axisPointer: { type: "line", lineStyle: { color: look.color("--line-strong") } } },
    xAxis: xy ? { type: "value", ...rangeOf(spec, 0), name: spec.axes?.[0]?.name ?? "", nameLocation: "middle", nameGap: 24, nameTextStyle: { color: note, fontSize: 11 }, axisLabel: { ...axisLabel, formatter: axisText(spec, 0) }, splitLine: { show: false }, axisLine: { show: true, lineStyle: { color: look.color("--line-strong") } } } : { type: "category", data: spec.categories ?? [], axisLabel: { ...axisLabel, hideOverlap: true, ...(spec.kind === "line" ? { alignMinLabel: "left", alignMaxLabel: "right" } : {}) }, axisTick: { show: false }, axisLine: { lineStyle: { color: look.color("--line-strong") } } },
    yAxis: axes.map((axis) => ({ type: "value", scale: spec.kind === "line" || xy, ...(xy ? rangeOf(spec, 1) : axis === axes[0] ? { min: floorOf(spec) } : {}), ...(xy ? { name: spec.axes?.[1]?.name ?? "", nameTextStyle: { color: note, fontSize: 11, align: "left" } } : {}), position: axis ? "right" : "left", splitNumber: 3, axisLabel: { ...axisLabel, formatter: xy ? axisText(spec, 1) : short }, splitLine: { show: axis === axes[0] && !xy, lineStyle: { color: look.color("--chart-grid") } } })),
    series: series.map((s) => seriesOption(s, spec, look)),
  };
  return lies(spec) ? lying(made, spec, axisLabel) : made;
}

export function drawChart(box: HTMLElement, spec: Spec): Drawn {
  const chart: EChartsType = init(box, undefined, { renderer: "canvas" });
  const paint = (): void => chart.setOption(option(spec) as never, true);
  chart.on("click", (event) => { const url = (event.data as { url?: string } | null)?.url; if (url) location.assign(url); });
  paint();
  return { paint, resize: () => chart.resize() };
}
