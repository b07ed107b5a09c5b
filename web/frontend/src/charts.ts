/** Charts are drawn when they come into sight; the library arrives only then. The table behind a chart opens with T. */
import { debounce, each, make, one, t } from "./dom";
import { grouped } from "./numbers";
import type { Drawn, Spec } from "./chart_draw";

const cellText = (value: unknown): string => {
  const plain = typeof value === "object" && value !== null ? (Array.isArray(value) ? value.join(", ") : (value as { value: unknown }).value) : value;
  return plain === null || plain === undefined ? "–" : typeof plain === "number" ? grouped(String(plain)) : String(plain);
};

/** Points between two axes as a table: a row each, a column for each axis. */
function flat(spec: Spec): Spec {
  const points = (spec.series[0]?.data ?? []) as { name?: string; value: number[] }[];
  const share = (axis: number, value: number): number | { value: string } => (spec.axes?.[axis]?.percent ? { value: `${Number((value * 100).toFixed(1))} %` } : value);
  const column = (axis: number): Spec["series"][number] => ({ name: spec.axes?.[axis]?.name ?? "", data: points.map((p) => share(axis, p.value[axis] ?? 0)) as never });
  return { kind: "bar", categories: points.map((p) => p.name ?? ""), series: [column(0), column(1)] };
}

function tableFor(given: Spec): HTMLElement {
  const spec = given.axes ? flat(given) : given;
  const head = make("tr", {}, make("th", { scope: "col" }, ""), ...spec.series.map((s) => make("th", { scope: "col", cls: "num" }, s.name)));
  const rows = (spec.categories ?? spec.series[0]?.data.map((_, i) => String(i + 1)) ?? []).map((name, index) => make("tr", {}, make("th", { scope: "row" }, name), ...spec.series.map((s) => make("td", { cls: "num" }, cellText(s.data[index])))));
  return make("div", { cls: "chart-table", tabindex: "0" }, make("table", { cls: "data plain" }, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function setUpChart(figure: HTMLElement): void {
  const spec = JSON.parse(one("script[type='application/json']", figure)?.textContent ?? "{}") as Spec;
  const canvas = one(".chart-canvas", figure)!;
  let drawn: Drawn | null = null;
  const draw = async (): Promise<void> => {
    const { drawChart } = await import("./chart_draw");
    if (!figure.isConnected) return;
    drawn = drawChart(canvas, spec);
    new ResizeObserver(debounce(60, () => drawn?.resize())).observe(canvas);
  };
  const watch = new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) { watch.disconnect(); void draw(); } });
  watch.observe(figure);
  document.addEventListener("theme-changed", () => drawn?.paint());
  figure.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.metaKey) return;
    const open = one(".chart-table", figure);
    if (open) open.remove();
    else figure.append(tableFor(spec));
    event.preventDefault();
  });
  figure.title = t("按 T 看数据表", "Press T for the table");
}

export function setUp(root: ParentNode): void {
  each(root, "[data-chart]", setUpChart);
}
