/** Scanning with the camera: the browser's own detector where it has one, else ZXing as WebAssembly, served from here. */
import { announce, each, icon, make, one, t } from "./dom";
import { toast } from "./toast";

interface Found { rawValue: string }
interface Detector { detect(source: HTMLVideoElement): Promise<Found[]> }
interface Native { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> }

const FORMATS = ["code_128", "code_39", "ean_13", "ean_8", "upc_a", "upc_e", "itf", "codabar", "qr_code", "data_matrix"] as const;
const PAUSE_MS = 120;

let known: Promise<boolean> | null = null;

/** Whether there is a camera one may ask for; a page that is not served safely has none. */
export function hasCamera(): Promise<boolean> {
  known ??= (async () => {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    return devices.some((device) => device.kind === "videoinput");
  })();
  return known;
}

async function detector(): Promise<Detector> {
  const native = (window as unknown as { BarcodeDetector?: Native }).BarcodeDetector;
  const able = native ? await native.getSupportedFormats() : [];
  const formats = FORMATS.filter((format) => able.includes(format));
  if (native && formats.length) return new native({ formats });
  const [{ BarcodeDetector, prepareZXingModule }, { default: wasm }] = await Promise.all([import("barcode-detector/ponyfill"), import("zxing-wasm/reader/zxing_reader.wasm?url")]);
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  return new BarcodeDetector({ formats: [...FORMATS] });
}

/** Shows what the camera sees until it sees a code; empty when somebody gave up. */
export async function scan(): Promise<string> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
  if (!stream) { toast("failed", t("打不开摄像头：请允许使用，或手工输入", "The camera did not open: allow it, or type the code")); return ""; }
  const video = make("video", { autoplay: true, playsinline: true, "aria-label": t("摄像头画面", "What the camera sees") });
  const torch = make("button", { type: "button", cls: "btn", hidden: true }, icon("bulb"), make("span", {}, t("补光", "Torch")));
  const stop = make("button", { type: "button", cls: "btn" }, make("span", {}, t("取消", "Cancel")));
  const dialog = make("dialog", { cls: "dialog camera", "aria-label": t("扫码", "Scan") }, video, make("div", { cls: "dialog-end" }, torch, stop));
  document.body.append(dialog);
  dialog.showModal();
  video.muted = true;
  video.srcObject = stream;
  light(stream, torch);
  stop.addEventListener("click", () => dialog.close());
  const code = await seen(dialog, video);
  for (const track of stream.getTracks()) track.stop();
  dialog.close();
  dialog.remove();
  if (code) { navigator.vibrate?.(60); announce(code); }
  return code;
}

async function seen(dialog: HTMLDialogElement, video: HTMLVideoElement): Promise<string> {
  const look = await detector().catch(() => null);
  if (!look) { toast("failed", t("识别程序没有加载，请手工输入", "The reader did not load: type the code")); return ""; }
  while (dialog.open) {
    const found = video.readyState >= 2 ? await look.detect(video).catch(() => []) : [];
    if (found[0]?.rawValue) return found[0].rawValue;
    await new Promise((go) => { window.setTimeout(go, PAUSE_MS); });
  }
  return "";
}

function light(stream: MediaStream, button: HTMLElement): void {
  const track = stream.getVideoTracks()[0];
  const able = track?.getCapabilities?.() as { torch?: boolean } | undefined;
  if (!track || !able?.torch) return;
  let on = false;
  button.hidden = false;
  button.addEventListener("click", () => { on = !on; void track.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] }); });
}

/** The key beside a field for codes, and beside a reference on what is held in the hand; only where there is a camera. */
export function setUp(root: ParentNode): void {
  void hasCamera().then((there) => {
    if (!there) return;
    each(root, "[data-scan-key]", (key) => {
      key.hidden = false;
      key.addEventListener("click", () => void scan().then((code) => { if (code) enter(one<HTMLInputElement>("input[data-scan]", key.parentElement!)!, code); }));
    });
    if (!window.matchMedia("(pointer: coarse)").matches) return;
    each(root, ".control[data-picker]", (control) => {
      const input = one<HTMLInputElement>("input[role=combobox]", control);
      if (!input || one("[data-camera]", control)) return;
      const key = make("button", { type: "button", cls: "side-key", "data-camera": true, "aria-label": t("扫码", "Scan") }, icon("scan"));
      key.addEventListener("click", () => void scan().then((code) => { if (code) enter(input, code); }));
      input.after(key);
    });
  });
}

/** Types a code the way a hardware reader does: the words, then Enter. */
export function enter(input: HTMLInputElement, code: string): void {
  input.focus();
  input.value = code;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  window.setTimeout(() => input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })), 400);
}
