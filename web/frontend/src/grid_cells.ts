/** The cells of a line grid: what a column is, how a value gets in and how it is shown. */
import { one, t } from "./dom";
import { readDate, shortDate } from "./dates";
import { grouped, places, plain } from "./numbers";
import type { Item } from "./picker";

export interface Column {
  id: string; label: string; type: string; num?: boolean; scale?: number; required?: boolean; readonly?: boolean; computed?: boolean;
  wide?: boolean; picker?: string; create?: string; default?: string; options?: { value: string; text: string }[];
}
export type Outcome = { value: string; text: string } | { why: string };

const NUMERIC = new Set(["integer", "decimal", "money", "quantity", "percent"]);
export const editable = (column: Column): boolean => !column.readonly && !column.computed;
export const picks = (column: Column): boolean => Boolean(column.picker || column.options);

function readNumber(column: Column, typed: string): Outcome {
  const number = plain(typed);
  if (number === null) return { why: t(`${column.label}要填数字`, `${column.label} must be a number`) };
  const scale = column.type === "integer" ? 0 : column.scale ?? 6;
  if (places(number) > scale) return { why: t(`${column.label}最多 ${scale} 位小数`, `${column.label}: at most ${scale} decimals`) };
  return { value: number, text: showNumber(column, number) };
}

export function showNumber(column: Column, number: string): string {
  if (number === "") return "";
  const shown = grouped(number, column.type === "money" ? Math.min(2, column.scale ?? 2) : 0);
  return column.type === "percent" ? `${shown}%` : shown;
}

function readChoice(column: Column, typed: string): Outcome {
  const words = typed.trim().toLowerCase();
  if (!words) return { value: "", text: "" };
  const options = column.options ?? [];
  const found = options.find((o) => o.text.toLowerCase() === words || o.value.toLowerCase() === words) ?? options.find((o) => o.text.toLowerCase().startsWith(words));
  return found ? { value: found.value, text: found.text } : { why: t(`${column.label}没有“${typed}”`, `${column.label} has no “${typed}”`) };
}

function readDay(column: Column, typed: string): Outcome {
  const date = readDate(typed);
  return date === null ? { why: t(`${column.label}认不出“${typed}”`, `${column.label}: “${typed}” is no date`) } : { value: date, text: shortDate(date) };
}

function readFlag(_column: Column, typed: string): Outcome {
  const yes = /^(1|y|yes|true|是|✓|√)$/i.test(typed.trim());
  return { value: yes ? "1" : "", text: yes ? "✓" : "" };
}

/** What a typed or pasted text means in a column that needs no look-up. */
export function read(column: Column, typed: string): Outcome {
  if (column.options) return readChoice(column, typed);
  if (NUMERIC.has(column.type)) return readNumber(column, typed);
  if (column.type === "date") return readDay(column, typed);
  if (column.type === "yes_no") return readFlag(column, typed);
  return { value: typed.trim(), text: typed.trim() };
}

/** One line of the grid and its cells. */
export class Line {
  constructor(readonly row: HTMLTableRowElement, private readonly name: string) {}

  get index(): string { return this.row.dataset["line"] ?? ""; }
  cell(column: string): HTMLTableCellElement | null { return one<HTMLTableCellElement>(`td[data-col="${CSS.escape(column)}"]`, this.row); }
  private field(column: string, suffix = ""): HTMLInputElement | null { return one<HTMLInputElement>(`input[name="${CSS.escape(`${this.name}-${this.index}-${column}${suffix}`)}"]`, this.row); }
  value(column: string): string {
    const cell = this.cell(column);
    if (!cell) return this.field(column)?.value ?? this.inputs[column] ?? "";
    return this.field(column)?.value ?? cell.dataset["value"] ?? plain(this.text(column)) ?? "";
  }
  text(column: string): string { const cell = this.cell(column); return (cell && one(".v", cell)?.textContent) ?? ""; }
  get id(): string { return this.field("id")?.value ?? ""; }

  get inputs(): Record<string, string> { return JSON.parse(this.row.dataset["inputs"] ?? "{}") as Record<string, string>; }
  set inputs(values: Record<string, string>) { this.row.dataset["inputs"] = JSON.stringify(values); }

  set(column: string, value: string, text: string, second?: string): void {
    const cell = this.cell(column);
    if (!cell) return;
    const field = this.field(column), words = this.field(column, "__text");
    if (field) field.value = value;
    else cell.dataset["value"] = value;
    if (words) words.value = text;
    const shown = one(".v", cell);
    if (shown) { shown.textContent = text; shown.classList.remove("red", "amber", "strong"); }
    one(".second", cell)?.remove();
    if (second) { const note = document.createElement("span"); note.className = "second"; note.textContent = second; shown?.after(" ", note); }
    cell.classList.remove("error", "warn");
    cell.removeAttribute("aria-invalid");
    cell.removeAttribute("title");
  }

  complain(column: string, sentence: string): void {
    const cell = this.cell(column);
    cell?.classList.add("error");
    cell?.setAttribute("aria-invalid", "true");
    cell?.setAttribute("title", sentence);
  }

  take(column: Column, item: Item, columns: Column[]): void {
    this.set(column.id, String(item.id), item.name, item.code);
    if (item.data) this.inputs = { ...this.inputs, ...Object.fromEntries(Object.entries(item.data).map(([k, v]) => [k, String(v)])) };
    for (const [name, value] of Object.entries(item.fills ?? {})) {
      const target = columns.find((c) => c.id === name);
      if (!target) continue;
      const known = read(target, String(value));
      const text = item.fill_texts?.[name] ?? ("why" in known ? String(value) : known.text);
      this.set(name, String(value), text);
    }
  }

  /** Whether a new line holds nothing a person put there. */
  blank(columns: Column[]): boolean {
    return this.id === "" && columns.filter(editable).every((c) => this.value(c.id) === "" || this.value(c.id) === (c.default ?? ""));
  }
}
