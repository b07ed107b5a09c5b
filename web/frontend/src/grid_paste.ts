/** Rows from a spreadsheet: matched to columns by their heads or by place, with a preview of what did not fit. */
import { make, t } from "./dom";
import { editable, read, type Column, type Outcome } from "./grid_cells";
import { exact, type Item, type Source } from "./picker";

export interface Pasted { column: Column; raw: string; outcome?: Outcome; item?: Item }
export interface Plan { rows: Pasted[][]; bad: number; columns: Column[]; left: string[] }

/** Cells of a clipboard text; quoted cells may hold line breaks. */
export function tableOf(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = "", quoted = false;
  const source = text.replace(/\r\n?/g, "\n");
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (quoted && c === '"' && source[i + 1] === '"') { cell += '"'; i++; }
    else if (c === '"' && (quoted || cell === "")) quoted = !quoted;
    else if (!quoted && (c === "\t" || c === "\n")) {
      rows.at(-1)!.push(cell.trim());
      cell = "";
      if (c === "\n") rows.push([]);
    } else cell += c;
  }
  rows.at(-1)!.push(cell.trim());
  return rows.filter((row) => row.some((c) => c !== ""));
}

function columnsFor(table: string[][], columns: Column[], start: string): { order: (Column | undefined)[]; body: string[][]; left: string[] } {
  const heads = table[0] ?? [];
  const named = heads.map((head) => columns.find((c) => c.label === head || c.id === head));
  if (named.filter(Boolean).length >= 2) return { order: named.map((c) => (c && editable(c) ? c : undefined)), body: table.slice(1), left: heads.filter((_, i) => !named[i] || !editable(named[i]!)) };
  const fillable = columns.filter(editable), from = Math.max(0, fillable.findIndex((c) => c.id === start));
  const width = Math.max(...table.map((row) => row.length));
  const left = Array.from({ length: Math.max(0, width - (fillable.length - from)) }, (_, i) => t(`第 ${fillable.length - from + i + 1} 列`, `column ${fillable.length - from + i + 1}`));
  return { order: fillable.slice(from), body: table, left };
}

export async function plan(table: string[][], columns: Column[], start: string, source: (column: Column) => Source): Promise<Plan> {
  const { order, body, left } = columnsFor(table, columns, start);
  const found = new Map<string, Item | undefined>();
  const look = async (column: Column, raw: string): Promise<Item | undefined> => {
    const key = `${column.id} ${raw}`;
    if (!found.has(key)) found.set(key, await source(column)(raw, false).then((a) => exact(a.items, raw)).catch(() => undefined));
    return found.get(key);
  };
  let bad = left.length;
  const rows: Pasted[][] = [];
  for (const cells of body) {
    const row: Pasted[] = [];
    for (const [index, column] of order.entries()) {
      const raw = cells[index] ?? "";
      if (!column || raw === "") continue;
      const item = column.picker ? await look(column, raw) : undefined;
      const outcome: Outcome | undefined = item ? undefined : column.picker ? { why: t(`没有“${raw}”`, `no “${raw}”`) } : read(column, raw);
      if (outcome && "why" in outcome) bad++;
      row.push({ column, raw, ...(item ? { item } : {}), ...(outcome ? { outcome } : {}) });
    }
    rows.push(row);
  }
  return { rows, bad, columns: order.filter((c): c is Column => Boolean(c)), left };
}

function ask(dialog: HTMLDialogElement): Promise<string> {
  document.body.append(dialog);
  return new Promise((done) => {
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue); });
    dialog.showModal();
  });
}

/** Shows what did not fit; true when the rest is to be pasted. */
export async function preview(plan: Plan): Promise<boolean> {
  const head = make("tr", {}, make("th", { scope: "col" }, "#"), ...plan.columns.map((c) => make("th", { scope: "col" }, c.label)));
  const body = plan.rows.map((row, index) => make("tr", {}, make("th", { scope: "row" }, String(index + 1)), ...plan.columns.map((column) => {
    const cell = row.find((c) => c.column === column), why = cell?.outcome && "why" in cell.outcome ? cell.outcome.why : "";
    return make("td", { cls: why ? "error" : "", title: why || undefined }, cell?.item?.name ?? cell?.raw ?? "", ...(why ? [make("small", {}, ` ${why}`)] : []));
  })));
  const title = t(`${plan.bad} 处放不进去`, plan.bad === 1 ? "1 thing does not fit" : `${plan.bad} things do not fit`);
  const form = make("form", { method: "dialog" }, make("h2", {}, title));
  if (plan.left.length) form.append(make("p", { cls: "t2" }, t("没有对应列：", "No column for: ") + plan.left.join("、")));
  form.append(make("div", { cls: "paste-scroll", tabindex: "0" }, make("table", { cls: "paste-table" }, make("thead", {}, head), make("tbody", {}, ...body))));
  form.append(make("div", { cls: "dialog-end" }, make("button", { cls: "btn", value: "" }, t("不贴", "Do not paste")), make("button", { cls: "btn primary", value: "yes", autofocus: true }, t(`贴入 ${plan.rows.length} 行，空出这几格`, `Paste ${plan.rows.length} lines, leave these empty`))));
  return (await ask(make("dialog", { cls: "dialog wide", "aria-label": title }, form))) === "yes";
}

/** A box to paste into, for those who come with the mouse. */
export async function choose(): Promise<string> {
  const area = make("textarea", { rows: "8", "aria-label": t("粘贴的内容", "Pasted rows") });
  const form = make("form", { method: "dialog" }, make("h2", {}, t("从 Excel 复制后贴在这里", "Copy in Excel, paste here")), make("p", { cls: "t2" }, t("带表头时按表头认列，否则从第一列起。", "With heads, columns are matched by name; else from the first column.")), make("div", { cls: "control" }, area),
    make("div", { cls: "dialog-end" }, make("button", { cls: "btn", value: "" }, t("取消", "Cancel")), make("button", { cls: "btn primary", value: "yes" }, t("放进明细", "Put into the lines"))));
  const dialog = make("dialog", { cls: "dialog wide", "aria-label": t("从 Excel 粘贴", "Paste from Excel") }, form);
  const answer = await ask(dialog);
  return answer === "yes" ? area.value : "";
}
