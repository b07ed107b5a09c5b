/** Lists: selection with its bulk bar, moving by keys, the choice of columns. */
import Sortable from "sortablejs";
import { all, announce, debounce, each, keep, one, t, typing } from "./dom";

class List {
  private at = -1;
  private lastPicked = -1;

  constructor(private readonly table: HTMLTableElement) {
    table.addEventListener("click", (event) => this.clicked(event));
    this.bulk?.addEventListener("click", (event) => this.bulkClicked(event));
    this.bulk?.addEventListener("submit", () => this.carryIds());
    this.refresh();
  }

  private get rows(): HTMLTableRowElement[] { return all<HTMLTableRowElement>("tbody tr[data-id]", this.table); }
  private get bulk(): HTMLFormElement | null { return one<HTMLFormElement>("[data-bulk]", this.table.closest(".list") ?? document); }
  private box(row: HTMLTableRowElement): HTMLInputElement | null { return one<HTMLInputElement>("td:first-child > input[type=checkbox]", row); }

  private clicked(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    if (target instanceof HTMLInputElement && target.matches("[data-all]")) {
      for (const row of this.rows) this.mark(row, target.checked);
      this.refresh();
      return;
    }
    const row = target.closest<HTMLTableRowElement>("tr[data-id]");
    if (!row) return;
    const index = this.rows.indexOf(row);
    if (target instanceof HTMLInputElement && target === this.box(row)) {
      if (event.shiftKey && this.lastPicked >= 0) {
        const [low, high] = [Math.min(index, this.lastPicked), Math.max(index, this.lastPicked)];
        this.rows.slice(low, high + 1).forEach((other) => this.mark(other, target.checked));
      } else this.mark(row, target.checked);
      this.lastPicked = index;
      this.refresh();
    } else if (!target.closest("a, button, input, label") && !String(getSelection())) this.moveTo(index);
  }

  /** What the row adds to the sum of the selection, as a plain decimal: its figure as it is shown. */
  private amount(row: HTMLTableRowElement): string {
    const given = row.dataset["amount"];
    if (given !== undefined) return given;
    const text = row.cells[Number(this.table.dataset["sum"])]?.textContent ?? "";
    return text.replaceAll(",", "").replace("−", "-").replace("–", "");
  }

  private mark(row: HTMLTableRowElement, on: boolean): void {
    const box = this.box(row);
    if (!box) return;
    box.checked = on;
    row.setAttribute("aria-selected", String(on));
  }

  private bulkClicked(event: Event): void {
    const target = event.target as Element;
    if (target.closest("[data-clear]")) {
      for (const row of this.rows) this.mark(row, false);
      this.whole(false);
      this.refresh();
    }
    if (target.closest("[data-whole]")) {
      for (const row of this.rows) this.mark(row, true);
      this.refresh();
      this.whole(true);
    }
  }

  private whole(on: boolean): void {
    const field = this.bulk && one<HTMLInputElement>("input[name=whole]", this.bulk);
    if (!field) return;
    field.value = on ? field.dataset["wholeValue"] ?? "" : "";
    if (!on) return;
    one("[data-count]", this.bulk!)!.textContent = (field.dataset["wholeCount"] ?? "").replace(/\s*\D*$/, (unit) => (unit.startsWith("+") ? "+" : ""));
    const sum = one("[data-sum]", this.bulk!);
    if (sum) sum.textContent = "…";
    announce(t("已选整个视图", "The whole view is selected"));
  }

  private carryIds(): void {
    const form = this.bulk!;
    for (const old of all("input[name=id]", form)) old.remove();
    for (const row of this.rows.filter((r) => this.box(r)?.checked)) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "id", value: row.dataset["id"] ?? "" });
      form.append(field);
    }
  }

  private refresh(): void {
    const rows = this.rows, picked = rows.filter((row) => this.box(row)?.checked);
    const head = one<HTMLInputElement>("[data-all]", this.table);
    if (head) {
      head.checked = picked.length > 0 && picked.length === rows.length;
      head.indeterminate = picked.length > 0 && picked.length < rows.length;
    }
    const bulk = this.bulk, pager = bulk && one("[data-pager]", bulk.parentElement!);
    if (!bulk) return;
    const had = !bulk.hidden;
    bulk.hidden = picked.length === 0;
    if (pager) pager.hidden = picked.length > 0;
    if (!picked.length) { if (had) announce(t("没有选中", "Nothing selected")); return; }
    one("[data-count]", bulk)!.textContent = String(picked.length);
    const sum = one("[data-sum]", bulk);
    if (sum) sum.textContent = total(picked.map((row) => this.amount(row)));
    this.whole(false);
  }

  private moveTo(index: number): void {
    const rows = this.rows;
    if (!rows.length) return;
    rows[this.at]?.classList.remove("at");
    this.at = Math.max(0, Math.min(index, rows.length - 1));
    const row = rows[this.at]!;
    row.classList.add("at");
    row.scrollIntoView({ block: "nearest" });
    announce(one("th, [data-slot=title]", row)?.textContent?.trim() ?? "");
  }

  key(event: KeyboardEvent): boolean {
    const act: Record<string, () => void> = {
      j: () => this.moveTo(this.at + 1), k: () => this.moveTo(this.at - 1),
      x: () => { const row = this.rows[this.at]; if (row) { this.mark(row, !this.box(row)?.checked); this.refresh(); } },
      Enter: () => { const row = this.rows[this.at]; if (row) one<HTMLAnchorElement>("a[href]", row)?.click(); },
      Escape: () => { for (const row of this.rows) this.mark(row, false); this.refresh(); },
    };
    const run = act[event.key];
    if (!run || (event.key === "Enter" && (this.at < 0 || (document.activeElement && document.activeElement.matches("a, button, input:not([type=checkbox])"))))) return false;
    run();
    return true;
  }
}

/** The sum of plain decimal texts, exact, with thousands separated. */
function total(amounts: string[]): string {
  const scale = Math.max(0, ...amounts.map((a) => (a.split(".")[1] ?? "").length));
  const sum = amounts.reduce((s, a) => {
    const [whole = "0", part = ""] = a.split(".");
    return s + BigInt((whole.replace(/^-?$/, "$&0")) + part.padEnd(scale, "0"));
  }, 0n);
  const digits = (sum < 0n ? -sum : sum).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale).replace(/\B(?=(\d{3})+$)/g, ",");
  return (sum < 0n ? "−" : "") + whole + (scale ? `.${digits.slice(-scale)}` : "");
}

let lists: List[] = [];

function setUpColumns(menu: HTMLElement): void {
  const list = one("[data-sortable]", menu)!;
  const save = debounce(500, async () => {
    const shown = all("li", list).filter((li) => one<HTMLInputElement>("input", li)?.checked).map((li) => li.dataset["id"]);
    if (await keep(`columns:${menu.dataset["columns"]}`, JSON.stringify(shown))) document.dispatchEvent(new CustomEvent("columns-kept"));
  });
  Sortable.create(list, { handle: "[data-move]", filter: ":has(input:disabled)", animation: 120, onEnd: save, onMove: (event) => !event.related.querySelector("input:disabled") });
  menu.addEventListener("change", save);
  menu.addEventListener("keydown", (event) => {
    const grip = (event.target as Element).closest<HTMLElement>("[data-move]");
    const li = grip?.closest("li");
    if (!grip || !li || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const other = event.key === "ArrowUp" ? li.previousElementSibling : li.nextElementSibling;
    if (other && !other.querySelector("input:disabled")) {
      if (event.key === "ArrowUp") other.before(li);
      else other.after(li);
      grip.focus();
      save();
    }
    event.preventDefault();
  });
  menu.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-move]")) event.preventDefault();
    if (target.closest("[data-reset]")) void keep(`columns:${menu.dataset["columns"]}`, "").then(() => location.reload());
  });
  const find = one<HTMLInputElement>("[data-find]", menu);
  find?.addEventListener("input", () => {
    for (const li of all("li", list)) li.hidden = !li.textContent!.toLowerCase().includes(find.value.toLowerCase());
  });
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "closed" && menu.dataset["changed"]) location.reload();
  });
  document.addEventListener("columns-kept", () => { menu.dataset["changed"] = "1"; if (!menu.matches(":popover-open")) location.reload(); }, { once: true });
}

export function setUp(root: ParentNode): void {
  lists = lists.filter((list) => (list as unknown as { table: HTMLElement }).table.isConnected);
  each(root, "table[data-list]", (table) => { lists.push(new List(table as HTMLTableElement)); });
  each(root, "[data-columns].menu", setUpColumns);
}

export function start(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing() || one("dialog[open], .menu:popover-open")) return;
    if (event.key === "/") {
      const seek = one<HTMLInputElement>("[data-slash]");
      if (seek) { seek.focus(); seek.select(); event.preventDefault(); }
      return;
    }
    if (lists[0]?.key(event)) event.preventDefault();
  });
}
