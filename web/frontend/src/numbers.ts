/** Figures as people type and read them. Texts stay texts: no value passes through a binary fraction. */

const WIDE: Record<string, string> = { "．": ".", "。": ".", "，": ",", "－": "-", "−": "-", "—": "-", "＋": "+", "％": "%", "　": "" };

/** The plain decimal text of what was typed (`1，200.50` → `1200.50`), "" for nothing, null when it is no number. */
export function plain(typed: string): string | null {
  const half = [...typed.trim()].map((c) => WIDE[c] ?? (c >= "０" && c <= "９" ? String.fromCharCode(c.charCodeAt(0) - 0xfee0) : c)).join("");
  const text = half.replace(/[,\s¥￥$€£]/g, "").replace(/%$/, "");
  if (text === "") return "";
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return null;
  const negative = text.startsWith("-");
  const [whole = "", part = ""] = text.replace(/^[+-]/, "").split(".");
  const body = `${whole.replace(/^0+(?=\d)/, "") || "0"}${part ? `.${part}` : ""}`;
  return negative && /[1-9]/.test(body) ? `-${body}` : body;
}

/** The places after the point that a plain number uses. */
export const places = (number: string): number => (number.split(".")[1] ?? "").length;

/** Thousands separated, minus as U+2212; `digits` pads the decimals (money). */
export function grouped(number: string, digits = 0): string {
  if (number === "") return "";
  const negative = number.startsWith("-");
  const [whole = "0", part = ""] = number.replace("-", "").split(".");
  const decimals = part.replace(/0+$/, "").padEnd(digits, "0");
  return `${negative ? "−" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${decimals ? `.${decimals}` : ""}`;
}
