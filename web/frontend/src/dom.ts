/** Small things every module needs: finding, making, announcing, posting. */

export const english = (): boolean => document.documentElement.lang.startsWith("en");
/** The text in the reader's language. */
export const t = (zh: string, en: string): string => (english() ? en : zh);

export const one = <T extends Element = HTMLElement>(selector: string, root: ParentNode = document): T | null => root.querySelector<T>(selector);
export const all = <T extends Element = HTMLElement>(selector: string, root: ParentNode = document): T[] => [...root.querySelectorAll<T>(selector)];

type Props = Record<string, string | boolean | undefined>;
/** An element with attributes and children; text is never parsed as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    node.setAttribute(name === "cls" ? "class" : name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function icon(name: string, cls = ""): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", cls ? `icon ${cls}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.documentElement.dataset["icons"] ?? ""}#${name}`);
  svg.append(use);
  return svg;
}

/** Says a sentence to screen readers. */
export function announce(sentence: string): void {
  const live = one("#live");
  if (live) live.textContent = sentence;
}

export const csrf = (): string => one<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

export async function post(url: string, body: FormData | URLSearchParams): Promise<Response> {
  return fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" }, credentials: "same-origin" });
}

/** Keeps one setting of the user on the server; failing to keep it disturbs nobody. */
export async function keep(key: string, value: string): Promise<boolean> {
  try {
    return (await post("/preferences", new URLSearchParams({ key, value }))).ok;
  } catch {
    return false;
  }
}

export function debounce<A extends unknown[]>(wait: number, work: (...args: A) => void): (...args: A) => void {
  let timer = 0;
  return (...args) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => work(...args), wait);
  };
}

/** Whether the key belongs to an input method that is still composing. */
export const composing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;

/** Whether someone is typing into a field, so that letters are not commands. */
export function typing(): boolean {
  const at = document.activeElement;
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) && !(at instanceof HTMLInputElement && /^(checkbox|radio|button)$/.test(at.type));
}

/** Puts a floating box under (or above) what opened it, inside the window. */
export function place(box: HTMLElement, anchor: Element, alignEnd = false): void {
  const a = anchor.getBoundingClientRect();
  const width = box.offsetWidth, height = box.offsetHeight, edge = 8;
  const left = alignEnd ? a.right - width : a.left;
  const below = a.bottom + 4;
  const top = below + height > window.innerHeight - edge && a.top - 4 - height > edge ? a.top - 4 - height : below;
  box.style.left = `${Math.max(edge, Math.min(left, window.innerWidth - width - edge))}px`;
  box.style.top = `${Math.max(edge, Math.min(top, window.innerHeight - edge - Math.min(height, window.innerHeight - 2 * edge)))}px`;
}

/** Runs set-up once for each matching element below the root, also for what htmx brings later. */
export function each(root: ParentNode, selector: string, setUp: (element: HTMLElement) => void): void {
  const found = all(selector, root);
  if (root instanceof HTMLElement && root.matches(selector)) found.unshift(root);
  for (const element of found) {
    const done = (element.dataset["ready"] ?? "").split(" ");
    if (done.includes(selector)) continue;
    element.dataset["ready"] = [...done, selector].join(" ").trim();
    setUp(element);
  }
}
