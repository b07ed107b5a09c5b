/** htmx: what is swapped, what is said when the server does not answer, where scroll and focus stay. */
import htmx from "htmx.org";
import { one, t } from "./dom";
import { arrived, toast } from "./toast";

const SENTENCES: Record<number, [string, string]> = {
  401: ["登录已过期，请重新登录", "You were logged out, log in again"],
  403: ["没有这个权限", "You have no right to do this"],
  404: ["找不到了，可能已被删除", "Not found; it may have been removed"],
  413: ["文件太大", "The file is too large"],
  429: ["太快了，等几秒再试", "Too fast, wait a few seconds"],
};

export function start(setUp: (root: ParentNode) => void): void {
  htmx.config.allowEval = false;
  htmx.config.includeIndicatorStyles = false;
  document.addEventListener("htmx:load", (event) => setUp(event.target as HTMLElement));
  document.addEventListener("htmx:beforeRequest", () => document.body.classList.add("busy-page"));
  document.addEventListener("htmx:afterRequest", () => document.body.classList.remove("busy-page"));
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail.xhr;
    const [zh, en] = SENTENCES[status] ?? ["服务器没有处理完，什么都没改，请再试一次", "The server failed; nothing was changed, try again"];
    toast("failed", t(zh, en));
  });
  document.addEventListener("htmx:sendError", () => toast("failed", t("网络断了，什么都没改", "No connection; nothing was changed")));
  keepScroll();
}

/** A swapped list keeps its place. */
function keepScroll(): void {
  let top = 0, left = 0;
  document.addEventListener("htmx:beforeSwap", () => { const box = one(".list-scroll"); top = box?.scrollTop ?? 0; left = box?.scrollLeft ?? 0; });
  document.addEventListener("htmx:afterSettle", (event) => {
    const box = one(".list-scroll");
    const paged = new URL((event as CustomEvent<{ pathInfo?: { requestPath?: string } }>).detail.pathInfo?.requestPath ?? "/", location.href).searchParams.has("after");
    if (box && !paged) box.scrollTo(left, top);
    arrived(document);
  });
}
