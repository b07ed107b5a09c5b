/** Entity forms: unsaved changes, draft, keys, instant formulas, what is posted, where the focus goes after a refusal. */
import { all, announce, debounce, each, icon, one, t } from "./dom";
import { isDirty, keepDraft, offer, sent, start as startDrafts } from "./drafts";
import type { Line } from "./grid_cells";
import { Formulas } from "./formulas";
import { plain } from "./numbers";

const DRAFT_WAIT_MS = 2000;

class EntityForm {
  private dirty = false;
  private sent = false;
  private readonly formulas: Formulas;
  private readonly draft = debounce(DRAFT_WAIT_MS, () => this.rememberDraft());

  constructor(private readonly form: HTMLFormElement) {
    this.formulas = new Formulas(form);
    void this.formulas.load();
    offer(form);
    if (isDirty(form)) { this.dirty = true; this.state("dirty", "pencil", t("未保存", "Not saved")); }
    form.addEventListener("change", () => this.touched(null));
    form.addEventListener("lines-changed", (event) => this.touched((event as CustomEvent<{ line: Line | null }>).detail.line));
    form.addEventListener("formdata", (event) => this.plainNumbers(event.formData));
    form.addEventListener("submit", (event) => this.submitted(event));
    form.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.ctrlKey && event.target instanceof HTMLInputElement && event.target.type !== "submit") this.onward(event); });
    window.addEventListener("beforeunload", (event) => { if (this.dirty && !this.sent && this.form.isConnected) event.preventDefault(); });
  }

  /** Enter goes to the next field instead of sending a half-filled form. */
  private onward(event: KeyboardEvent): void {
    if (event.defaultPrevented || (event.target as Element).closest("[role=grid]") || event.isComposing) return;
    event.preventDefault();
    const stops = all<HTMLElement>("input:not([type=hidden]):not([tabindex='-1']), select, textarea, td[tabindex='0'], .editor", this.form).filter((x) => x.offsetParent !== null);
    stops[stops.indexOf(event.target as HTMLElement) + 1]?.focus();
  }

  private touched(line: Line | null): void {
    this.dirty = true;
    this.formulas.run(line);
    this.state("dirty", "pencil", t("未保存", "Not saved"));
    this.draft();
  }

  private state(kind: string, symbol: string, words: string): void {
    const box = one("[data-save-state]");
    if (!box) return;
    box.hidden = false;
    box.className = `save-state ${kind}`;
    box.replaceChildren(icon(symbol), document.createTextNode(words));
  }

  private rememberDraft(): void {
    if (this.sent || !this.form.isConnected) return;
    const at = keepDraft(this.form);
    if (at) this.state("dirty", "cloud-check", t(`未保存 · 草稿已存 ${at}`, `Not saved · draft kept ${at}`));
  }

  private plainNumbers(data: FormData): void {
    for (const input of all<HTMLInputElement>("input[data-number]", this.form)) if (input.name && !input.disabled) data.set(input.name, plain(input.value) ?? input.value);
  }

  private submitted(event: SubmitEvent): void {
    if (this.sent) { event.preventDefault(); return; }
    this.sent = true;
    sent();
    const button = event.submitter;
    window.setTimeout(() => { button?.classList.add("busy"); });
    window.setTimeout(() => { if (this.form.isConnected) this.sent = false; button?.classList.remove("busy"); }, 8000);
  }

  /** Ctrl S saves, Ctrl ↵ submits; what is being typed is taken first. */
  press(kind: "save" | "submit"): void {
    const button = one<HTMLButtonElement>(`[data-${kind}]`);
    (document.activeElement as HTMLElement | null)?.blur();
    window.setTimeout(() => { if (button) button.click(); else this.form.requestSubmit(); }, 90);
  }
}

let current: EntityForm | null = null;

export function setUp(root: ParentNode): void {
  each(root, "form[data-form]", (form) => { current = new EntityForm(form as HTMLFormElement); });
  each(root, "[data-error-summary]", (summary) => {
    summary.focus();
    announce(summary.textContent ?? "");
    summary.addEventListener("click", (event) => {
      const link = (event.target as Element).closest<HTMLAnchorElement>("a[href^='#']");
      const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!target) return;
      event.preventDefault();
      target.scrollIntoView({ block: "center" });
      target.focus();
    });
  });
}

export function start(): void {
  startDrafts();
  document.addEventListener("keydown", (event) => {
    if (!current || !(event.ctrlKey || event.metaKey)) return;
    const kind = event.key.toLowerCase() === "s" ? "save" : event.key === "Enter" ? "submit" : null;
    if (!kind || one("dialog[open]")) return;
    event.preventDefault();
    current.press(kind);
  });
}
