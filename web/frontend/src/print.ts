/** The print key: the browser's own printing; where the paper is counted, the server hears of it first. */
import { csrf } from "./dom";

export function start(): void {
  document.addEventListener("click", (event) => {
    const key = (event.target as Element | null)?.closest<HTMLElement>("[data-print]");
    if (!key) return;
    event.preventDefault();
    const count = key.dataset["print"];
    if (count) void fetch(count, { method: "POST", headers: { "X-CSRFToken": csrf() } });
    window.print();
  });
}
