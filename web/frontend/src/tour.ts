/** A short tour: each stop points at a real part of the page. Keys: ← → and Enter go on, Esc leaves; it is kept as seen. */
import { all, announce, each, icon, keep, make, one, t } from "./dom";

interface Stop { at: HTMLElement; title: string; text: string }

/** Stops whose part can be seen; on a phone the menu is folded away, and its stops with it. */
function stops(source: HTMLElement): Stop[] {
  return all("[data-stop]", source).flatMap((stop) => {
    const at = one(stop.dataset["stop"] ?? "");
    const box = at?.getBoundingClientRect();
    if (!at || !box || box.width === 0 || box.right <= 0) return [];
    return [{ at, title: one("b", stop)?.textContent ?? "", text: one("p", stop)?.textContent ?? "" }];
  });
}

class Tour {
  private at = 0;
  private readonly before = document.activeElement;
  private readonly title = make("h2", { id: "tour-title" });
  private readonly text = make("p", { id: "tour-text" });
  private readonly count = make("span", { cls: "t3" });
  private readonly back = make("button", { type: "button", cls: "btn small" }, t("上一步", "Back"));
  private readonly next = make("button", { type: "button", cls: "btn small primary" });
  private readonly leave = make("button", { type: "button", cls: "btn small weak" }, t("跳过", "Skip"));
  private readonly box = make("div", { cls: "tour", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text", tabindex: "-1" }, this.title, this.text, make("div", { cls: "tour-end" }, this.count, this.leave, this.back, this.next));

  constructor(private readonly found: Stop[]) {
    this.back.addEventListener("click", () => this.show(this.at - 1));
    this.next.addEventListener("click", () => this.show(this.at + 1));
    this.leave.addEventListener("click", () => this.end());
    this.box.addEventListener("keydown", (event) => this.pressed(event));
    document.body.append(this.box);
    this.show(0);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key === "Escape") this.end();
    else if (event.key === "ArrowRight") this.show(this.at + 1);
    else if (event.key === "ArrowLeft" && this.at > 0) this.show(this.at - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private show(at: number): void {
    this.found[this.at]?.at.classList.remove("tour-at");
    const stop = this.found[at];
    if (!stop) { this.end(); return; }
    this.at = at;
    stop.at.classList.add("tour-at");
    stop.at.scrollIntoView({ block: "nearest" });
    this.title.textContent = stop.title;
    this.text.textContent = stop.text;
    this.count.textContent = `${at + 1} / ${this.found.length}`;
    this.back.hidden = at === 0;
    const last = at === this.found.length - 1;
    this.next.replaceChildren(last ? t("知道了", "Got it") : t("下一步", "Next"), ...(last ? [] : [icon("arrow-right", "icon-s")]));
    this.place(stop.at);
    this.next.focus();
    announce(`${stop.title}。${stop.text}`);
  }

  /** Beside the part where there is room, else below or above it; never outside the window. */
  private place(part: HTMLElement): void {
    const a = part.getBoundingClientRect();
    const width = this.box.offsetWidth, height = this.box.offsetHeight, gap = 12;
    const beside = a.right + gap + width < window.innerWidth;
    const below = a.bottom + gap + height < window.innerHeight;
    const left = beside ? a.right + gap : a.left + gap;
    const top = beside ? a.top + gap : below ? a.bottom + gap : window.innerHeight - height - 84; // above the bar of a phone
    this.box.style.left = `${Math.max(gap, Math.min(left, window.innerWidth - width - gap))}px`;
    this.box.style.top = `${Math.max(gap, Math.min(top, window.innerHeight - height - gap))}px`;
  }

  private end(): void {
    for (const stop of this.found) stop.at.classList.remove("tour-at");
    this.box.remove();
    void keep("tour", "seen");
    if (this.before instanceof HTMLElement) this.before.focus();
  }
}

function begin(source: HTMLElement): void {
  const found = stops(source);
  if (found.length && !one(".tour")) new Tour(found);
}

export function setUp(root: ParentNode): void {
  each(root, "[data-tour]", (source) => { if (source.dataset["tour"] === "start") requestAnimationFrame(() => begin(source)); });
  each(root, "[data-tour-start]", (button) => button.addEventListener("click", () => { const source = one("[data-tour]"); if (source) begin(source); }));
  each(root, "[data-first-away]", (button) => button.addEventListener("click", () => {
    void keep("first_steps", "away").then((kept) => { if (kept) button.closest("[data-first-steps]")?.remove(); });
  }));
}
