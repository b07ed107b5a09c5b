/** Between texts in the form and the values that compiled formulas take (see decimal.ts). */
import * as D from "./decimal";

export interface Figure { d: bigint; s: number }
export type Value = Figure | string | number | boolean | null;
export { D };

const NUMBERS = new Set(["number", "money", "quantity", "duration"]);
const isFigure = (value: Value): value is Figure => typeof value === "object" && value !== null;

/** The value of a field's text; `kind` is the expression kind, or `percent` for a figure shown as a percentage. */
export function fromText(text: string, kind = "number"): Value {
  if (kind === "yes_no") return text === "1" || text === "true";
  if (text === "") return null;
  if (NUMBERS.has(kind)) return D.num(text) as Value;
  if (kind === "percent") { const number = D.num(text) as Figure | null; return number && { d: number.d, s: number.s + 2 }; }
  if (kind === "ratio") return D.ratio(text) as unknown as Value;
  if (kind === "moment") return D.moment(text) as Value;
  if (kind === "reference") return Number(text);
  return text;
}

/** The plain text of a result, rounded to the scale when one is given. */
export function toText(value: Value, scale?: number): string {
  if (value === null || value === false) return "";
  if (value === true) return "1";
  if (!isFigure(value)) return String(value);
  return D.str((scale === undefined ? value : D.fit(value, scale)) as never) as string;
}

/** A figure over all lines; empties are left out. Undefined where only the server knows the rounding. */
export function aggregate(kind: string, values: Value[]): Value | undefined {
  const figures = values.filter(isFigure);
  if (kind === "count") return { d: BigInt(values.filter((v) => v !== null).length), s: 0 };
  if (kind === "sum") {
    const scale = Math.max(0, ...figures.map((f) => f.s));
    return figures.reduce<Figure>((a, b) => D.add(a as never, b as never, scale as never) as unknown as Figure, { d: 0n, s: scale });
  }
  if (kind === "min" || kind === "max") return figures.length ? figures.reduce((a, b) => (D.lt(kind === "min" ? b : a, kind === "min" ? a : b) ? b : a)) : null;
  return undefined;
}

/** 大写金额. */
export const inWords = (value: Value): string => (isFigure(value) ? String((D.fn.words as (s: number, a: Figure) => string | null)(0, value) ?? "") : "");
