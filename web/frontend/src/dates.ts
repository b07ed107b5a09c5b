/** Dates typed short: 7, 2-7, 2.7, 0207, 260207, 2026-02-07, +3, t (today). */

const pad = (n: number): string => String(n).padStart(2, "0");

export function iso(year: number, month: number, day: number): string | null {
  const date = new Date(year, month - 1, day);
  if (date.getFullYear() !== year || date.getMonth() !== month - 1 || date.getDate() !== day) return null;
  return `${year}-${pad(month)}-${pad(day)}`;
}

/** The ISO date of what was typed, "" for nothing, null when it is no date. */
export function readDate(typed: string, today = new Date()): string | null {
  const text = typed.trim().replace(/[年月./]/g, "-").replace(/日$/, "");
  const year = today.getFullYear();
  if (text === "") return "";
  if (/^(t|今天?)$/i.test(text)) return iso(year, today.getMonth() + 1, today.getDate());
  const shift = /^\+(\d{1,3})$/.exec(text);
  if (shift) {
    const moved = new Date(year, today.getMonth(), today.getDate() + Number(shift[1]));
    return iso(moved.getFullYear(), moved.getMonth() + 1, moved.getDate());
  }
  const forms: [RegExp, (m: RegExpExecArray) => string | null][] = [
    [/^(\d{1,2})$/, (m) => iso(year, today.getMonth() + 1, Number(m[1]))],
    [/^(\d{1,2})-(\d{1,2})$/, (m) => iso(year, Number(m[1]), Number(m[2]))],
    [/^(\d{2})(\d{2})$/, (m) => iso(year, Number(m[1]), Number(m[2]))],
    [/^(\d{2})(\d{2})(\d{2})$/, (m) => iso(2000 + Number(m[1]), Number(m[2]), Number(m[3]))],
    [/^(\d{4})(\d{2})(\d{2})$/, (m) => iso(Number(m[1]), Number(m[2]), Number(m[3]))],
    [/^(\d{2})-(\d{1,2})-(\d{1,2})$/, (m) => iso(2000 + Number(m[1]), Number(m[2]), Number(m[3]))],
    [/^(\d{4})-(\d{1,2})-(\d{1,2})$/, (m) => iso(Number(m[1]), Number(m[2]), Number(m[3]))],
  ];
  for (const [pattern, build] of forms) {
    const found = pattern.exec(text);
    if (found) return build(found);
  }
  return null;
}

/** How a date stands in a table: without the year when it is this one. */
export function shortDate(date: string, today = new Date()): string {
  return date.startsWith(`${today.getFullYear()}-`) ? date.slice(5) : date;
}
