/** Instant results: runs the compiled formulas of a form over what is in it now. The server computes again and decides. */
import { all, english, one } from "./dom";
import { Line } from "./grid_cells";
import { grouped, plain } from "./numbers";
import { aggregate, D, fromText, inWords, toText, type Value } from "./formula_values";

interface Formula { field: string; fn: string; inputs: string[]; kinds?: string[]; kind?: string; lines?: string; scale?: number; what?: string }
type Compiled = Record<string, (values: Value[], decimal: typeof D) => Value>;

export class Formulas {
  private compiled: Compiled = {};
  private readonly formulas: Formula[];

  constructor(private readonly form: HTMLFormElement) {
    this.formulas = JSON.parse(form.dataset["formulas"] ?? "[]") as Formula[];
  }

  async load(): Promise<void> {
    if (!this.formulas.length) return;
    // Without the module the form still works: the server computes when it is sent.
    this.compiled = await (import(/* @vite-ignore */ new URL(this.form.dataset["module"]!, location.href).href) as Promise<Compiled>).catch(() => ({}));
  }

  /** Runs all formulas in their order; a line's formulas for that line, or for all when none is given. */
  run(changed: Line | null): void {
    for (const formula of this.formulas) {
      if (!this.compiled[formula.fn]) continue;
      if (formula.what) { this.judge(formula, this.result(formula, null)); continue; }
      if (!formula.lines) { this.show(formula, this.result(formula, null)); continue; }
      const lines = changed && changed.row.closest("[data-lines]")?.getAttribute("data-lines") === formula.lines ? [changed] : this.linesOf(formula.lines);
      for (const line of lines) {
        const result = this.result(formula, line);
        if (result !== undefined) this.write(line, formula, result);
      }
    }
    this.sums();
  }

  /** A column shows the result; what has no column is kept with the line for the formulas that follow. */
  private write(line: Line, formula: Formula, result: Value): void {
    const text = textOf(result, formula);
    if (line.cell(formula.field)) line.set(formula.field, text, shown(text, formula));
    else line.inputs = { ...line.inputs, [formula.field]: text };
  }

  /** A field that is asked for, or must be filled in, only under a condition. */
  private judge(formula: Formula, holds: Value | undefined): void {
    const box = one(`[data-field-box="${CSS.escape(formula.field)}"]`, this.form);
    if (!box || holds === undefined) return;
    if (formula.what === "visible") { box.hidden = holds !== true; return; }
    const label = one(".label", box), mark = one(".must", box);
    if (holds === true && label && !mark) label.append(Object.assign(document.createElement("span"), { className: "must", textContent: "*" }));
    if (holds !== true) mark?.remove();
    for (const input of all("input:not([type=hidden]), select, textarea", box)) input.toggleAttribute("required", holds === true);
  }

  /** Sums under the lines that no formula of the document computes. */
  private sums(): void {
    for (const place of all('[data-field^="sum:"]', this.form)) {
      const [lines = "", column = ""] = (place.dataset["field"] ?? "").slice(4).split(".");
      const result = aggregate("sum", this.linesOf(lines).map((line) => fromText(line.value(column))));
      if (result === undefined) continue;
      const decimals = (/\.(\d+)$/.exec(place.textContent ?? "")?.[1] ?? "").length;
      place.textContent = grouped(toText(result), decimals);
      for (const words of all(`[data-words="${CSS.escape(place.dataset["field"] ?? "")}"]`, this.form)) if (!english()) words.textContent = inWords(result);
    }
  }

  private linesOf(name: string): Line[] {
    return all<HTMLTableRowElement>(`[data-lines="${CSS.escape(name)}"] tr[data-line]`, this.form).map((row) => new Line(row, name));
  }

  /** The value, or undefined when an input is not known here. */
  private result(formula: Formula, line: Line | null): Value | undefined {
    const values: Value[] = [];
    for (const [index, input] of formula.inputs.entries()) {
      const value = this.input(input, line, formula.kinds?.[index]);
      if (value === undefined) return undefined;
      values.push(value);
    }
    try {
      return this.compiled[formula.fn]!(values, D);
    } catch {
      return undefined; // half-typed figures may overflow or divide by nothing; the server says so when the form is sent
    }
  }

  private input(name: string, line: Line | null, kind?: string): Value | undefined {
    if (name === "working_days") return this.calendar();
    const sum = /^(sum|count|min|max|avg):([^.]+)\.(.+)$/.exec(name);
    if (sum) return aggregate(sum[1]!, this.linesOf(sum[2]!).map((l) => fromText(l.value(sum[3]!), kind)));
    if (name.startsWith("parent.")) return this.head(name.slice(7), kind);
    if (!line) return this.head(name, kind);
    if (line.cell(name)) return fromText(line.value(name), kind);
    const extra = line.inputs[name];
    return extra === undefined ? undefined : fromText(extra, kind);
  }

  /** The firm's working days come with the compiled formulas. */
  private calendar(): Value | undefined {
    return (this.compiled as unknown as Record<string, string | undefined>)["working_days"];
  }

  private head(name: string, kind?: string): Value | undefined {
    const field = all<HTMLInputElement>(`[name="${CSS.escape(name)}"]`, this.form).at(-1);
    if (field) return fromText(field.type === "checkbox" ? String(field.checked) : field.matches("[data-number]") ? plain(field.value) ?? "" : field.value, kind);
    const output = one(`[data-field="${CSS.escape(name)}"]`, this.form);
    return output ? fromText(output.dataset["value"] ?? plain(output.textContent ?? "") ?? "", kind) : undefined;
  }

  private show(formula: Formula, result: Value | undefined): void {
    if (result === undefined) return;
    const text = textOf(result, formula);
    for (const words of all(`[data-words="${CSS.escape(formula.field)}"]`, this.form)) if (!english()) words.textContent = inWords(result);
    for (const place of all(`[data-field="${CSS.escape(formula.field)}"]`, this.form)) {
      const money = /^[^\d−-]*/.exec(place.textContent ?? "")?.[0] ?? "";
      place.dataset["value"] = text;
      place.textContent = `${money.length <= 3 ? money.trim() : ""}${shown(text, formula)}` || "–";
    }
  }
}

/** The plain text of a result; percents stand in forms as people say them, 18.6 for 0.186. */
function textOf(result: Value, formula: Formula): string {
  if (formula.kind !== "percent" || typeof result !== "object" || result === null) return toText(result, formula.scale);
  const hundred = { d: result.d * 100n, s: result.s };
  return toText(hundred, Math.min(2, formula.scale ?? 2));
}

const shown = (text: string, formula: Formula): string => (/^-?\d/.test(text) ? grouped(text, formula.kind === "money" ? Math.min(formula.scale ?? 0, 2) : 0) + (formula.kind === "percent" ? "%" : "") : text);
