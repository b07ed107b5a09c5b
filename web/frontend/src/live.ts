/** What keeps itself up to date while somebody looks: counts beside the menu, messages, figures of a dashboard.
 *
 * The server tells by one stream of events a browser: the tab that holds it passes everything on to the others.
 * Without a stream (too many people, an old proxy) figures are fetched again on a slow beat.
 */
import { all, announce, each, one, t } from "./dom";
import { toast } from "./toast";

const BEAT_MS = 30_000;
const GATHER_MS = 800;
/** Who only passes through a page opens no stream there. */
const STAYS_MS = 3000;
const STREAM = "/api/v1/events";
const NAME = "dougong-live";
const KINDS = ["counts", "cards", "inbox"] as const;

type Kind = (typeof KINDS)[number];
interface News { kind: Kind; data: Record<string, unknown> }

/** Where the record of a message is. */
function address(data: Record<string, unknown>): string {
  const { entity, record } = data;
  return typeof entity === "string" && entity && record ? `/e/${entity}/${String(record)}` : "/messages";
}

const ACTS: Record<Kind, (data: Record<string, unknown>) => void> = {
  counts: (data) => {
    for (const place of all("[data-count]")) {
      const number = Number(data[place.dataset["count"] ?? ""] ?? NaN);
      if (Number.isNaN(number)) continue;
      place.textContent = number ? String(number) : "";
      place.hidden = !number;
    }
  },
  cards: () => document.dispatchEvent(new CustomEvent("dougong:changed")),
  inbox: (data) => {
    const title = String(data["title"] ?? ""), text = String(data["text"] ?? "");
    toast("info", text || title, { label: t("打开", "Open"), url: address(data) });
    announce(text || title);
  },
};

/** One tab of the browser holds the stream; the others hear of it from that one. */
function listen(): void {
  if (!document.body.dataset["user"] || !("EventSource" in window)) return;
  const others = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;
  const tell = (news: News): void => ACTS[news.kind](news.data);
  if (others) others.onmessage = (event: MessageEvent<News>) => tell(event.data);
  const hold = (): Promise<void> => new Promise(() => open((news) => { tell(news); others?.postMessage(news); }));
  window.setTimeout(() => { if ("locks" in navigator) void navigator.locks.request(NAME, hold); else void hold(); }, STAYS_MS);
}

function open(tell: (news: News) => void): void {
  const stream = new EventSource(STREAM);
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => tell({ kind, data: JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown> }));
  }
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // it comes back by itself
    window.setTimeout(() => open(tell), BEAT_MS);
  });
}

async function refresh(board: HTMLElement, setUp: (root: ParentNode) => void): Promise<void> {
  if (document.hidden || one("dialog[open], .menu:popover-open") || board.contains(document.activeElement)) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" }).catch(() => null);
  const state = one("[data-live-state]");
  if (!answer?.ok || answer.redirected) { state?.classList.add("late"); return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of page.querySelectorAll<HTMLElement>("[data-live]")) {
    const here = one(`[data-live="${CSS.escape(part.dataset["live"] ?? "")}"]`, board);
    if (!here || here.innerHTML === part.innerHTML) continue;
    here.innerHTML = part.innerHTML;
    setUp(here);
  }
  state?.classList.remove("late");
  const clock = one("[data-live-time]");
  if (clock) clock.textContent = new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
  if (state) state.title = t("有变化就更新", "Updated as things change");
}

/** Figures of a board: fetched again when something changed, gathered a little, and on a slow beat besides. */
function keep(board: HTMLElement, setUp: (root: ParentNode) => void): void {
  let waiting = 0;
  const soon = (): void => { window.clearTimeout(waiting); waiting = window.setTimeout(() => void refresh(board, setUp), GATHER_MS); };
  document.addEventListener("dougong:changed", soon);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  window.setInterval(() => void refresh(board, setUp), BEAT_MS);
}

export function starter(setUp: (root: ParentNode) => void): (root: ParentNode) => void {
  return (root) => each(root, "[data-live-board]", (board) => keep(board, setUp));
}

export function start(): void {
  listen();
}
