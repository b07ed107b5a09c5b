/** The line grid: one tab stop, arrows move, typing replaces, Enter goes on. See LINE_KEYS for the whole contract. */
import { all, announce, composing, each, icon, make, one, t } from "./dom";
import { hasCamera, scan as camera } from "./camera";
import { editable, Line, picks, read, type Column } from "./grid_cells";
import { choose, plan, preview, tableOf } from "./grid_paste";
import { LINE_KEYS, showKeys } from "./keys";
import { exact, formContext, Picker, remote, type Source } from "./picker";
import { toast } from "./toast";

export class Grid {
  readonly columns: Column[];
  readonly name: string;
  private readonly body: HTMLTableSectionElement;
  private readonly template: HTMLTemplateElement;
  private readonly editor = make("input", { cls: "editor idle", autocomplete: "off", spellcheck: "false", type: "text" });
  private at: HTMLTableCellElement | null = null;
  private editing = false;
  private picker: Picker | null = null;
  private undoable: string[] = [];
  private next = 0;

  constructor(readonly section: HTMLElement) {
    this.columns = JSON.parse(section.dataset["columns"] ?? "[]") as Column[];
    this.name = section.dataset["lines"] ?? "";
    this.body = one<HTMLTableSectionElement>("tbody", section)!;
    this.template = one<HTMLTemplateElement>("template", section)!;
    this.next = Math.max(-1, ...all("tr[data-line]", this.body).map((row) => Number(row.dataset["line"]))) + 1;
    this.ensureBlank();
    this.stop(this.firstCell());
    this.listen();
  }

  private listen(): void {
    this.body.addEventListener("focusin", (event) => { const cell = this.cellOf(event.target); if (cell && event.target !== this.editor && cell !== this.at) this.go(cell); else if (cell && event.target === cell) this.go(cell); });
    this.body.addEventListener("pointerdown", (event) => this.pointed(event));
    this.body.addEventListener("dblclick", (event) => { if (this.cellOf(event.target) === this.at) this.edit(); });
    this.body.addEventListener("keydown", (event) => void this.key(event));
    this.editor.addEventListener("input", (event) => this.typed(event as InputEvent));
    this.editor.addEventListener("compositionstart", () => this.startTyping());
    this.editor.addEventListener("compositionend", () => this.picker?.search());
    this.editor.addEventListener("blur", () => { window.setTimeout(() => { if (document.activeElement !== this.editor && this.editing && !one("dialog[open]")) void this.commit(); }, 60); });
    this.section.addEventListener("paste", (event) => void this.pasted(event));
    this.body.addEventListener("copy", (event) => { if (!this.editing && this.at) { event.clipboardData?.setData("text/plain", one(".v", this.at)?.textContent ?? ""); event.preventDefault(); } });
    this.section.addEventListener("click", (event) => this.clicked(event));
    this.section.closest("form")?.addEventListener("formdata", (event) => this.dropBlank(event.formData));
  }

  // ---- lines ------------------------------------------------------------------------------------------------------

  get lines(): Line[] { return all<HTMLTableRowElement>("tr[data-line]", this.body).map((row) => new Line(row, this.name)); }
  private get rows(): HTMLTableRowElement[] { return all<HTMLTableRowElement>("tr[data-line]", this.body); }
  private lineOf(cell: Element): Line { return new Line(cell.closest("tr")!, this.name); }
  private column(cell: HTMLElement): Column { return this.columns.find((c) => c.id === cell.dataset["col"])!; }
  private cellOf(target: EventTarget | null): HTMLTableCellElement | null { return target instanceof Element ? target.closest<HTMLTableCellElement>("td[data-col]") : null; }
  private firstCell(): HTMLTableCellElement | null { return one<HTMLTableCellElement>("td.can", this.body); }

  addLine(): Line {
    const index = String(this.next++);
    const holder = document.createElement("tbody");
    holder.innerHTML = this.template.innerHTML.replaceAll("__i__", index).replaceAll("__n__", String(this.rows.length + 1));
    const row = holder.querySelector<HTMLTableRowElement>("tr")!;
    this.body.append(row);
    const line = new Line(row, this.name);
    for (const column of this.columns) {
      if (!column.default) continue;
      const known = read(column, column.default);
      if (!("why" in known)) line.set(column.id, known.value, known.text);
    }
    return line;
  }

  private ensureBlank(): void {
    const last = this.lines.at(-1);
    if (!last || !last.blank(this.columns)) this.addLine();
  }

  private renumber(): void {
    this.rows.forEach((row, index) => { const head = row.cells[0]; if (head?.firstChild) head.firstChild.textContent = String(index + 1); });
  }

  private remember(): void {
    this.editor.remove();
    this.undoable.push(this.body.innerHTML);
    if (this.undoable.length > 30) this.undoable.shift();
  }

  undo(): void {
    const before = this.undoable.pop();
    if (before === undefined) return;
    this.editor.remove();
    this.body.innerHTML = before;
    this.at = null;
    this.go(this.firstCell());
    this.changed(null);
    announce(t("已撤销", "Undone"));
  }

  private removeLine(): void {
    if (!this.at) return;
    const line = this.lineOf(this.at), row = line.row, column = this.at.dataset["col"]!;
    if (line.blank(this.columns) && row === this.rows.at(-1)) return;
    const number = this.rows.indexOf(row) + 1;
    this.remember();
    const neighbour = this.rows[number] ?? this.rows[number - 2];
    if (row.nextElementSibling?.matches(".line-hint")) row.nextElementSibling.remove();
    row.remove();
    this.at = null;
    this.ensureBlank();
    this.renumber();
    this.go((neighbour ?? this.rows[0])!.querySelector<HTMLTableCellElement>(`td[data-col="${CSS.escape(column)}"]`));
    this.changed(null);
    toast("removed", t(`已删第 ${number} 行`, `Line ${number} removed`), { label: t("撤销", "Undo"), key: "Ctrl Z", run: () => this.undo() });
  }

  private dropBlank(data: FormData): void {
    for (const line of this.lines) {
      if (!line.blank(this.columns)) continue;
      for (const name of [...data.keys()]) if (name.startsWith(`${this.name}-${line.index}-`)) data.delete(name);
    }
  }

  // ---- moving -----------------------------------------------------------------------------------------------------

  private stop(cell: HTMLTableCellElement | null): void {
    for (const other of all("td[tabindex='0']", this.body)) other.tabIndex = -1;
    if (cell) cell.tabIndex = 0;
  }

  go(cell: HTMLTableCellElement | null): void {
    if (!cell) return;
    this.at?.classList.remove("active");
    this.at = cell;
    cell.classList.add("active");
    this.editing = false;
    this.closePicker();
    this.editor.value = "";
    this.editor.className = "editor idle";
    this.stop(cell);
    if (!cell.matches(".can")) { this.editor.remove(); if (document.activeElement !== cell) cell.focus(); return; }
    const column = this.column(cell), line = this.rows.indexOf(cell.closest("tr")!) + 1;
    this.editor.setAttribute("aria-label", t(`第 ${line} 行 ${column.label}：${one(".v", cell)?.textContent ?? ""}`, `Line ${line} ${column.label}: ${one(".v", cell)?.textContent ?? ""}`));
    this.editor.inputMode = column.num ? "decimal" : "text";
    for (const name of ["role", "aria-expanded", "aria-autocomplete"]) this.editor.removeAttribute(name);
    cell.append(this.editor);
    cell.tabIndex = -1;
    this.editor.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  private move(down: number, right: number): void {
    if (!this.at) return;
    const cells = all<HTMLTableCellElement>("td[data-col]", this.at.closest("tr")!);
    const column = cells.indexOf(this.at), rows = this.rows, row = rows.indexOf(this.at.closest("tr")!);
    if (down > 0 && row === rows.length - 1 && !this.lineOf(this.at).blank(this.columns)) { this.addLine(); }
    const target = this.rows[Math.max(0, Math.min(this.rows.length - 1, row + down))]!;
    this.go(all<HTMLTableCellElement>("td[data-col]", target)[Math.max(0, Math.min(cells.length - 1, column + right))] ?? null);
  }

  /** The next cell that can be filled; from the last one a new line. False when there is nowhere to go. */
  private onward(back = false): boolean {
    if (!this.at) return false;
    const cells = all<HTMLTableCellElement>("td.can", this.body), here = cells.indexOf(this.at);
    const next = here >= 0 ? cells[here + (back ? -1 : 1)] : cells.find((c) => Boolean(this.at!.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING));
    if (next) { this.go(next); return true; }
    if (back || this.lineOf(this.at).blank(this.columns)) return false;
    this.go(one<HTMLTableCellElement>("td.can", this.addLine().row));
    return true;
  }

  private pointed(event: PointerEvent): void {
    const cell = this.cellOf(event.target);
    if (!cell || event.target === this.editor && this.editing) return;
    event.preventDefault();
    const again = cell === this.at;
    const then = (): void => { this.go(cell); if ((event.pointerType === "touch" || again) && cell.matches(".can")) this.edit(); };
    if (this.editing) void this.commit().then((fine) => { if (fine) then(); });
    else then();
  }

  // ---- editing ----------------------------------------------------------------------------------------------------

  private source(column: Column): Source {
    if (!column.options) return remote(column.picker!, `${this.name}.${column.id}`, () => ({ ...formContext(this.section.closest("form")), ...this.lineContext() }));
    return async (query, full) => {
      const words = query.toLowerCase();
      const fits = column.options!.filter((o) => full || !words || o.text.toLowerCase().includes(words) || o.value.toLowerCase().includes(words));
      return { items: fits.map((o) => ({ id: o.value, name: o.text })) };
    };
  }

  private lineContext(): Record<string, string> {
    if (!this.at) return {};
    const line = this.lineOf(this.at);
    return Object.fromEntries(this.columns.map((c) => [`line.${c.id}`, line.value(c.id)]));
  }

  private startTyping(): void {
    if (this.editing || !this.at?.matches(".can")) return;
    const column = this.column(this.at);
    this.editing = true;
    this.editor.className = "editor";
    if (!picks(column)) return;
    this.editor.setAttribute("role", "combobox");
    this.editor.setAttribute("aria-autocomplete", "list");
    this.picker = new Picker(this.editor, {
      source: this.source(column), create: column.create, footnote: t("选中并跳到下一格", "choose and go on"),
      picked: (item) => {
        const line = this.lineOf(this.at!);
        line.take(column, item, this.columns);
        this.changed(line);
        this.afterPick(line, column);
      },
    });
  }

  /** A picked record jumps to the quantity, or to the next cell. */
  private afterPick(line: Line, column: Column): void {
    this.editing = false;
    this.ensureBlank();
    const quantity = column.picker && this.columns.find((c) => c.type === "quantity" && editable(c));
    if (quantity) this.go(line.cell(quantity.id));
    else if (!this.onward()) this.go(this.at);
  }

  edit(): void {
    if (!this.at?.matches(".can")) return;
    const column = this.column(this.at), line = this.lineOf(this.at);
    if (column.type === "yes_no") return this.toggle();
    this.startTyping();
    this.editor.value = picks(column) || column.type === "text" || column.type === "long_text" ? line.text(column.id) : line.value(column.id);
    this.editor.select();
    if (column.options) this.picker?.show("");
  }

  private typed(event: InputEvent): void {
    if (!this.at) return;
    if (this.column(this.at).type === "yes_no") { this.editor.value = ""; return this.toggle(); }
    this.startTyping();
    if (!event.isComposing) this.picker?.search();
  }

  private toggle(): void {
    const line = this.lineOf(this.at!), column = this.column(this.at!), on = line.value(column.id) !== "1";
    line.set(column.id, on ? "1" : "", on ? "✓" : "");
    this.changed(line);
    announce(on ? t("是", "yes") : t("否", "no"));
  }

  private closePicker(): void { this.picker?.remove(); this.picker = null; }

  private revert(): void { this.editing = false; this.go(this.at); }

  /** Writes what was typed; false when it cannot stand there (the sentence says why). */
  private async commit(): Promise<boolean> {
    if (!this.editing || !this.at) return true;
    const line = this.lineOf(this.at), column = this.column(this.at), typed = this.editor.value;
    if (typed.trim() === "") { this.write(line, column, "", ""); return true; }
    if (column.picker) {
      if (typed === line.text(column.id)) { this.revert(); return true; }
      if (await this.picker?.choose()) return false;
      if (column.create) { this.write(line, column, "", typed.trim()); return true; }
      return this.refuse(line, column, t(`没有“${typed}”，按 F4 打开全表`, `No “${typed}”: press F4 for the full list`));
    }
    if (column.options && this.picker?.open && await this.picker.choose()) return false;
    const known = read(column, typed);
    if ("why" in known) return this.refuse(line, column, known.why);
    this.write(line, column, known.value, known.text);
    return true;
  }

  private refuse(line: Line, column: Column, why: string): false {
    line.complain(column.id, why);
    toast("failed", why);
    announce(why);
    this.editor.focus();
    return false;
  }

  private write(line: Line, column: Column, value: string, text: string): void {
    const moved = line.value(column.id) !== value || line.text(column.id) !== text;
    line.set(column.id, value, text);
    this.editing = false;
    this.closePicker();
    this.editor.value = "";
    this.editor.className = "editor idle";
    if (moved) { this.ensureBlank(); this.changed(line); }
  }

  changed(line: Line | null): void {
    const filled = this.lines.filter((l) => !l.blank(this.columns)).length;
    const note = one("[data-lines-note]", this.section);
    if (note) note.textContent = t(`${filled} 行`, `${filled} lines`);
    this.section.dispatchEvent(new CustomEvent("lines-changed", { bubbles: true, detail: { grid: this, line } }));
  }

  // ---- keys -------------------------------------------------------------------------------------------------------

  private async key(event: KeyboardEvent): Promise<void> {
    if (composing(event) || !this.at) return;
    if (this.editing) return this.editKey(event);
    const chord = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
    const act: Record<string, () => void> = {
      ArrowDown: () => this.move(1, 0), ArrowUp: () => this.move(-1, 0), ArrowRight: () => this.move(0, 1), ArrowLeft: () => this.move(0, -1),
      Home: () => this.move(0, -99), End: () => this.move(0, 99), "Ctrl+Home": () => this.move(-9999, -99), "Ctrl+End": () => this.move(9999, 99),
      Enter: () => { this.onward(event.shiftKey); }, F2: () => this.edit(), F4: () => { this.edit(); void this.picker?.full(); },
      Delete: () => this.clear(), Backspace: () => this.clear(), "Ctrl+d": () => this.copyAbove(), "Ctrl+Backspace": () => this.removeLine(), "Ctrl+z": () => this.undo(), "?": () => showKeys(LINE_KEYS),
    };
    if (event.key === "Tab") { if (this.onward(event.shiftKey)) event.preventDefault(); return; }
    const run = act[chord];
    if (!run || (chord === "?" && this.column(this.at).type === "text")) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  private async editKey(event: KeyboardEvent): Promise<void> {
    if (this.picker?.key(event)) { event.preventDefault(); event.stopPropagation(); return; }
    const control = event.ctrlKey || event.metaKey;
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); this.revert(); return; }
    if (control && (event.key === "s" || event.key === "Enter")) { await this.commit(); return; }
    const vertical: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const onward = (event.key === "Enter" || event.key === "Tab") && !control;
    if (!onward && !(event.key in vertical)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!(await this.commit())) return;
    if (onward) this.onward(event.shiftKey);
    else this.move(vertical[event.key]!, 0);
  }

  private clear(): void {
    if (!this.at?.matches(".can")) return;
    const line = this.lineOf(this.at);
    line.set(this.at.dataset["col"]!, "", "");
    this.changed(line);
  }

  private copyAbove(): void {
    if (!this.at?.matches(".can")) return;
    const rows = this.rows, above = rows[rows.indexOf(this.at.closest("tr")!) - 1];
    if (!above) return;
    const from = new Line(above, this.name), to = this.lineOf(this.at), column = this.at.dataset["col"]!;
    to.set(column, from.value(column), from.text(column), one(".second", from.cell(column)!)?.textContent ?? undefined);
    to.inputs = { ...to.inputs, ...from.inputs };
    this.ensureBlank();
    this.changed(to);
  }

  // ---- pasting and scanning ---------------------------------------------------------------------------------------

  private async pasted(event: ClipboardEvent): Promise<void> {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\t\n]/.test(text.trim()) || !(this.cellOf(event.target) || (event.target as Element).closest("[data-lines]"))) return;
    event.preventDefault();
    await this.paste(text);
  }

  async paste(text: string): Promise<void> {
    const start = this.at?.matches(".can") ? this.column(this.at) : this.columns.find(editable)!;
    const table = await plan(tableOf(text), this.columns, start.id, (column) => this.source(column));
    if (table.bad && !(await preview(table))) { this.go(this.at); return; }
    const from = this.at ? this.rows.indexOf(this.at.closest("tr")!) : this.rows.length - 1;
    this.remember();
    table.rows.forEach((cells, offset) => {
      const row = this.rows[from + offset];
      const line = row ? new Line(row, this.name) : this.addLine();
      for (const cell of cells) {
        if (cell.item) line.take(cell.column, cell.item, this.columns);
        else if (cell.outcome && !("why" in cell.outcome)) line.set(cell.column.id, cell.outcome.value, cell.outcome.text);
      }
      this.changed(line);
    });
    this.ensureBlank();
    this.renumber();
    this.at = null;
    this.go(all<HTMLTableCellElement>("td.can", this.rows[Math.min(this.rows.length - 1, from + table.rows.length)]!)[0] ?? null);
    toast("done", t(`贴入 ${table.rows.length} 行`, `${table.rows.length} lines pasted`), { label: t("撤销", "Undo"), run: () => this.undo() });
  }

  private clicked(event: Event): void {
    const target = event.target as Element;
    if (target.closest("[data-lines-add]")) { const line = this.lines.at(-1)!; const cell = one<HTMLTableCellElement>("td.can", line.blank(this.columns) ? line.row : this.addLine().row); this.go(cell); this.edit(); }
    if (target.closest("[data-lines-paste]")) void choose().then((text) => { if (text) void this.paste(text); });
    const scan = target.closest<HTMLElement>("[data-lines-scan]");
    if (scan) this.scan(scan);
  }

  private scan(button: HTMLElement): void {
    const open = one<HTMLInputElement>("[data-scan-line]", this.section);
    button.setAttribute("aria-pressed", String(!open));
    if (open) { open.closest(".seek")?.remove(); return; }
    const input = make("input", { type: "text", "data-scan-line": true, "aria-label": t("扫码或输入条码", "Scan or type a bar code"), placeholder: t("扫码…", "Scan…"), autocomplete: "off" });
    const place = make("span", { cls: "seek scan-line" }, input);
    button.before(place);
    void hasCamera().then((there) => { if (there) place.append(this.cameraKey()); });
    input.focus();
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || composing(event)) return;
      event.preventDefault();
      void this.scanned(input.value.trim());
      input.value = "";
    });
  }

  private cameraKey(): HTMLElement {
    const key = make("button", { type: "button", cls: "side-key", "aria-label": t("用摄像头扫", "Scan with the camera") }, icon("camera"));
    key.addEventListener("click", () => void camera().then((code) => { if (code) void this.scanned(code); }));
    return key;
  }

  private async scanned(code: string): Promise<void> {
    const column = this.columns.find((c) => c.picker && editable(c)), quantity = this.columns.find((c) => c.type === "quantity" && editable(c));
    if (!column || !code) return;
    const item = exact((await this.source(column)(code, false)).items, code);
    if (!item) { toast("failed", t(`没有条码 ${code}`, `No bar code ${code}`)); return; }
    const known = this.lines.find((l) => l.value(column.id) === String(item.id));
    const line = known ?? this.lines.find((l) => l.blank(this.columns)) ?? this.addLine();
    if (!known) line.take(column, item, this.columns);
    if (quantity) { const sum = read(quantity, String(Number(line.value(quantity.id) || "0") + 1)); if (!("why" in sum)) line.set(quantity.id, sum.value, sum.text); }
    this.ensureBlank();
    this.changed(line);
    announce(`${item.name} ${quantity ? line.text(quantity.id) : ""}`);
  }
}

export function setUp(root: ParentNode): void {
  each(root, "[data-lines][data-columns]", (section) => { new Grid(section); });
}
