/** Messages of the server on this device, also while no page is open: asked for by the person, on the account page. */
import { each, post, t } from "./dom";
import { toast } from "./toast";

function raw(text: string): Uint8Array<ArrayBuffer> {
  const packed = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at);
  return bytes;
}

async function begin(): Promise<string> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return t("这个浏览器不能推送；要用 HTTPS 打开", "This browser cannot be pushed to; it needs HTTPS");
  if ((await Notification.requestPermission()) !== "granted") return t("浏览器没有允许通知", "The browser does not allow notifications");
  const answer = await post("/account/push/key", new URLSearchParams());
  if (!answer.ok) return t("服务器没有给出密钥", "The server gave no key");
  const { key } = (await answer.json()) as { key: string };
  await navigator.serviceWorker.register("/push-worker.js", { scope: "/" });
  const worker = await navigator.serviceWorker.ready;
  const place = (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: raw(key) })).toJSON();
  const { p256dh = "", auth = "" } = place.keys ?? {};
  const kept = await post("/account/push", new URLSearchParams({ endpoint: place.endpoint ?? "", p256dh, auth }));
  return kept.ok ? "" : t("没有保存", "Not saved");
}

export function setUp(root: ParentNode): void {
  each(root, "[data-push]", (button) => button.addEventListener("click", () => {
    begin().catch((error: unknown) => String(error)).then((problem) => { if (problem) toast("failed", problem); else location.reload(); }, () => undefined);
  }));
}
