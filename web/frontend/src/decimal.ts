// @ts-nocheck: without annotations the file is plain JavaScript too, so its tests need no compiler.
/**
 * Exact values in the browser: what the operators and functions of expressions do, the same as on the server.
 *
 * A number is {d, s}: the BigInt d at s decimals. Empty is null. A date is "2026-03-31", a moment
 * "2026-03-31T08:00:00.000000Z", a ratio {top, bottom}, a set an array. Each result is rounded half away from zero to
 * the scale the server typed it with; one of more than 38 digits throws Overflow.
 */

export class Overflow extends Error {}

const LIMIT = 10n ** 38n;
const DAY = 86400000;
const size = (x) => (x < 0n ? -x : x);
const ten = (power) => 10n ** BigInt(power);

const halfAway = (top, bottom) => {
  if (bottom < 0n) [top, bottom] = [-top, -bottom];
  const whole = size(top) / bottom + (2n * (size(top) % bottom) >= bottom ? 1n : 0n);
  return top < 0n ? -whole : whole;
};

const moved = (d, from, to) => (to >= from ? d * ten(to - from) : halfAway(d, ten(from - to)));

const make = (d, s) => {
  if (size(d) >= LIMIT) throw new Overflow("more than 38 digits");
  return { d, s };
};

const floorDiv = (top, bottom) => {
  const whole = top / bottom;
  return top % bottom !== 0n && top < 0n !== bottom < 0n ? whole - 1n : whole;
};

/** A number from its text; null for an empty or unreadable one. */
export const num = (text) => {
  const found = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text === null || text === undefined ? "" : String(text).trim());
  if (!found) return null;
  const decimals = found[3] || "";
  const d = BigInt(found[2] + decimals);
  return { d: found[1] === "-" ? -d : d, s: decimals.length };
};

/** The text of a number, with all its decimals. */
export const str = (x) => {
  if (x === null) return "";
  const digits = size(x.d).toString().padStart(x.s + 1, "0");
  const whole = digits.slice(0, digits.length - x.s);
  return (x.d < 0n ? "-" : "") + whole + (x.s ? "." + digits.slice(digits.length - x.s) : "");
};

/** A ratio from "1/3" or "2.5". */
export const ratio = (text) => {
  if (text === null || text === "") return null;
  const [top, bottom] = String(text).split("/").map(num);
  if (top === null || bottom === null) return null;
  const below = bottom === undefined ? { d: 1n, s: 0 } : bottom;
  return { top: top.d * ten(below.s), bottom: below.d * ten(top.s) };
};

/** A ratio as a number of 10 decimals; other values as they are. */
export const plain = (x) =>
  x !== null && typeof x === "object" && "top" in x ? make(halfAway(x.top * ten(10), x.bottom), 10) : x;

/** The number rounded to a scale. */
export const fit = (x, s) => (x === null ? null : make(moved(x.d, x.s, s), s));

export const add = (a, b, s) => (a === null || b === null ? null : make(moved(a.d, a.s, s) + moved(b.d, b.s, s), s));
export const sub = (a, b, s) => (a === null || b === null ? null : make(moved(a.d, a.s, s) - moved(b.d, b.s, s), s));
export const mul = (a, b, s) => (a === null || b === null ? null : make(moved(a.d * b.d, a.s + b.s, s), s));
export const div = (a, b, s) =>
  a === null || b === null || b.d === 0n ? null : make(halfAway(a.d * ten(s + b.s), b.d * ten(a.s)), s);
export const rem = (a, b, s) =>
  a === null || b === null || b.d === 0n ? null : make(moved(a.d, a.s, s) % moved(b.d, b.s, s), s);
export const neg = (a) => (a === null ? null : { d: -a.d, s: a.s });
export const cat = (a, b) => (a === null || b === null ? null : a + b);

/** A number times a ratio, or divided by it. */
export const convert = (a, by, s, divide) => {
  if (a === null || by === null || by.top === 0n || by.bottom === 0n) return null;
  const [top, bottom] = divide ? [by.bottom, by.top] : [by.top, by.bottom];
  return make(halfAway(a.d * top * ten(s), bottom * ten(a.s)), s);
};

const isNumber = (x) => typeof x === "object" && x !== null && "d" in x;

const order = (a, b) => {
  if (isNumber(a)) {
    const s = Math.max(a.s, b.s);
    const [one, two] = [moved(a.d, a.s, s), moved(b.d, b.s, s)];
    return one < two ? -1 : one > two ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Whether two values are the same; two empties are. */
export const eq = (a, b) => {
  if (a === null || b === null) return a === b;
  if (isNumber(a)) return order(a, b) === 0;
  return typeof a === "object" ? a.entity === b.entity && a.id === b.id : a === b;
};

export const lt = (a, b) => a !== null && b !== null && order(a, b) < 0;
export const le = (a, b) => a !== null && b !== null && order(a, b) <= 0;
export const member = (a, many) => a !== null && many !== null && many.some((one) => eq(a, one));

// -- dates

const days = (text) => {
  const [year, month, day] = text.split("-").map(Number);
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  return at.getTime() / DAY;
};

const dayOf = (year, month, day) => {
  const at = new Date(0);
  at.setUTCFullYear(year, month, day);
  return at.getTime() / DAY;
};

const [FIRST_DAY, LAST_DAY] = [-719162, 2932896];

const date = (count) => {
  if (count < FIRST_DAY || count > LAST_DAY) throw new Overflow("the date is out of range");
  return new Date(count * DAY).toISOString().slice(0, 10);
};

const parts = (text) => text.split("-").map(Number);
const weekday = (text) => (((days(text) + 3) % 7) + 7) % 7;
const whole = (x) => Number(fit(x, 0).d);
const integer = (value) => ({ d: BigInt(value), s: 0 });

const addMonths = (day, count) => {
  const [year, month, at] = parts(day);
  const months = year * 12 + month - 1 + whole(count);
  const [y, m] = [Math.floor(months / 12), ((months % 12) + 12) % 12];
  if (y < 1 || y > 9999) throw new Overflow("the date is out of range");
  const last = dayOf(y, m + 1, 0);
  return date(Math.min(dayOf(y, m, at), last));
};

/** The firm's calendar from its text (workdays.py): weekdays worked, and the days that differ from them. */
const calendar = (text) => {
  if (calendar.text === text) return calendar.read;
  const [usual, ...lists] = text.split("|");
  const weekdays = new Set((usual.match(/\d/g) || ["0", "1", "2", "3", "4"]).map(Number));
  const named = new Map();
  lists.forEach((list, place) => {
    for (const day of list.split(",")) if (day && !named.has(days(day))) named.set(days(day), place % 2 === 0);
  });
  const on = (count) => weekdays.has((((count + 3) % 7) + 7) % 7);
  const extra = [...named].filter(([day, works]) => works && !on(day)).map(([day]) => day);
  const missing = [...named].filter(([day, works]) => !works && on(day)).map(([day]) => day);
  const until = (day) => {
    const [weeks, rest] = [Math.floor((day + 3) / 7), (((day + 3) % 7) + 7) % 7];
    const usually = weeks * weekdays.size + [...weekdays].filter((one) => one <= rest).length;
    return usually + extra.filter((one) => one <= day).length - missing.filter((one) => one <= day).length;
  };
  calendar.text = text;
  return (calendar.read = until);
};

const addWorkdays = (day, count, text) => {
  const steps = whole(count);
  if (steps === 0) return day;
  const until = calendar(text);
  const wanted = steps > 0 ? until(days(day)) + steps : until(days(day) - 1) + steps + 1;
  let [low, high] = [FIRST_DAY, LAST_DAY + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (until(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  if (wanted <= until(FIRST_DAY - 1)) throw new Overflow("the date is out of range");
  return date(low);
};

const micros = (moment) => {
  const found = /^(.{19})(?:\.(\d{1,6}))?/.exec(moment);
  return BigInt(Date.parse(found[1] + "Z")) * 1000n + BigInt((found[2] || "").padEnd(6, "0"));
};

/** A moment in the one form that sorts by time. */
export const moment = (text) => (text === null || text === "" ? null : fromMicros(micros(text)));

const fromMicros = (value) => {
  const seconds = floorDiv(value, 1000000n);
  const rest = (value - seconds * 1000000n).toString().padStart(6, "0");
  const at = new Date(Number(seconds) * 1000);
  if (!(at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999)) throw new Overflow("the moment is out of range");
  return at.toISOString().slice(0, 19) + "." + rest + "Z";
};

const seconds = (moment) => floorDiv(micros(moment), 1000000n);

const starts = {
  day: (y, m, d, text) => days(text),
  week: (y, m, d, text) => days(text) - weekday(text),
  month: (y, m) => dayOf(y, m - 1, 1),
  quarter: (y, m) => dayOf(y, Math.floor((m - 1) / 3) * 3, 1),
  year: (y) => dayOf(y, 0, 1),
};

const ends = {
  day: (y, m, d, text) => days(text),
  week: (y, m, d, text) => days(text) + 6 - weekday(text),
  month: (y, m) => dayOf(y, m, 0),
  quarter: (y, m) => dayOf(y, Math.floor((m - 1) / 3) * 3 + 3, 0),
  year: (y) => dayOf(y, 11, 31),
};

// -- money in Chinese capitals

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
const PLACES = ["", "拾", "佰", "仟"];
const GROUPS = ["", "万", "亿", "万亿", "亿亿"];

const fourWords = (four) => {
  let made = "";
  let zero = false;
  for (let place = 3; place >= 0; place -= 1) {
    const digit = Math.floor(four / 10 ** place) % 10;
    if (digit) made += (zero && made ? "零" : "") + DIGITS[digit] + PLACES[place];
    zero = !digit;
  }
  return made;
};

const wholeWords = (value) => {
  let made = "";
  let zero = false;
  for (let group = 0; value > 0n; group += 1) {
    const four = Number(value % 10000n);
    value /= 10000n;
    const part = fourWords(four);
    if (part) made = part + GROUPS[group] + (zero && made ? "零" : "") + made;
    zero = part ? four < 1000 : zero || made !== "";
  }
  return made || "零";
};

const moneyWords = (x) => {
  const cents = moved(size(x.d), x.s, 2);
  const yuan = cents / 100n;
  const [jiao, fen] = [Number((cents / 10n) % 10n), Number(cents % 10n)];
  const head = yuan || !cents ? wholeWords(yuan) + "元" : "";
  const tail =
    !jiao && !fen
      ? "整"
      : (jiao ? DIGITS[jiao] + "角" : head ? "零" : "") + (fen ? DIGITS[fen] + "分" : "整");
  return (x.d < 0n && cents ? "负" : "") + head + tail;
};

// -- functions: the first argument is the scale of the result

const strict =
  (work) =>
  (s, ...args) =>
    args.some((a) => a === null) ? null : work(s, ...args);

const stepped = (up) => (s, a, step) => {
  const by = step === undefined ? integer(1) : step;
  if (a === null || by === null || by.d <= 0n) return null;
  const common = Math.max(a.s, by.s);
  const [top, bottom] = [moved(a.d, a.s, common), moved(by.d, by.s, common)];
  const times = up ? -floorDiv(-top, bottom) : floorDiv(top, bottom);
  return make(moved(times * by.d, by.s, s), s);
};

const shown = (x) => {
  const text = str(x);
  const short = text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  return short === "-0" ? "0" : short;
};

const trimmed = (text) => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
const span = (length) => strict((s, a) => mul(a, integer(length), 0));

export const fn = {
  abs: strict((s, a) => fit({ d: size(a.d), s: a.s }, s)),
  min: strict((s, ...all) => all.reduce((a, b) => (order(b, a) < 0 ? b : a))),
  max: strict((s, ...all) => all.reduce((a, b) => (order(b, a) > 0 ? b : a))),
  round: (s, a) => fit(a, s),
  round_up: stepped(true),
  round_down: stepped(false),
  days: span(86400),
  weeks: span(604800),
  hours: span(3600),
  months: () => null,
  workdays: () => null,
  add_days: strict((s, day, count) => date(days(day) + whole(count))),
  add_months: strict((s, day, count) => addMonths(day, count)),
  add_workdays: strict((s, day, count, text) => addWorkdays(day, count, text)),
  add_seconds: strict((s, at, count) => fromMicros(micros(at) + fit(count, 0).d * 1000000n)),
  days_between: strict((s, a, b) => integer(days(a) - days(b))),
  seconds_between: strict((s, a, b) => ({ d: seconds(a) - seconds(b), s: 0 })),
  start_of: strict((s, day, unit) => date(starts[unit](...parts(day), day))),
  end_of: strict((s, day, unit) => date(ends[unit](...parts(day), day))),
  year: strict((s, day) => integer(parts(day)[0])),
  month: strict((s, day) => integer(parts(day)[1])),
  day: strict((s, day) => integer(parts(day)[2])),
  weekday: strict((s, day) => integer(weekday(day) + 1)),
  empty: (s, a) => a === null || a === "" || (Array.isArray(a) && a.length === 0),
  text: strict((s, a) => (isNumber(a) ? shown(a) : String(a))),
  words: strict((s, a) => moneyWords(a)),
  lower: strict((s, a) => a.toLowerCase()),
  upper: strict((s, a) => a.toUpperCase()),
  trim: strict((s, a) => trimmed(a) || null),
  len: strict((s, a) => integer([...a].length)),
  contains: (s, a, b) => a !== null && b !== null && a.includes(b),
  starts_with: (s, a, b) => a !== null && b !== null && a.startsWith(b),
  number: strict((s, a) => (/^[+-]?[0-9]{1,12}(\.[0-9]{1,30})?$/.test(trimmed(a)) ? fit(num(trimmed(a)), s) : null)),
};
