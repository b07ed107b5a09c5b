/** Figures that keep themselves up to date while somebody looks: fetched again on a slow beat, put in place without a jump. */
import { each, one, t } from "./dom";

const BEAT_MS = 30_000;

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
  if (state) state.title = t("每 30 秒更新", "Updated every 30 seconds");
}

export function starter(setUp: (root: ParentNode) => void): (root: ParentNode) => void {
  return (root) => each(root, "[data-live-board]", (board) => { window.setInterval(() => void refresh(board, setUp), BEAT_MS); });
}
