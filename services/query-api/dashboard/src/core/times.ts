// Moments of the address bar, read as the API reads them (logs/times.py).

const RELATIVE = /^-(\d{1,6})([smhdw])$/;
const MS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
const EARLIEST = 0;
const LATEST = Date.UTC(2261, 0, 1);

// ISO 8601 as Python's datetime.fromisoformat has it: extended or basic, any one character between day and time.
const DAY = String.raw`(?<y>\d{4})(?:-(?<m>\d\d)-(?<d>\d\d)|(?<bm>\d\d)(?<bd>\d\d)|-W(?<w>\d\d)(?:-(?<wd>\d))?|W(?<bw>\d\d)(?<bwd>\d)?)`;
const TIME = String.raw`(?<h>\d\d)(?::(?<mi>\d\d)(?::(?<s>\d\d)(?:[.,](?<f>\d+))?)?|(?<bmi>\d\d)(?:(?<bs>\d\d)(?:[.,](?<bf>\d+))?)?)?`;
const ZONE = String.raw`Z|(?<sign>[+-])(?<zh>\d\d)(?::?(?<zm>\d\d)(?::?(?<zs>\d\d)(?:[.,]\d+)?)?)?`;
const ISO = new RegExp(`^${DAY}(?:.${TIME}(?:${ZONE})?)?$`, "su");

/** Milliseconds since 1970; without a zone it is UTC. null: the API would not take it, and says why. */
export function toMs(text: string, now = Date.now()): number | null {
  const relative = RELATIVE.exec(text);
  if (relative) return Math.max(EARLIEST, Math.floor(now / 1000) * 1000 - Number(relative[1]) * MS[relative[2]!]!);
  // An unescaped + in an address is read as a blank.
  const found = ISO.exec(text.replaceAll(" ", "+"))?.groups;
  if (!found) return null;
  const day = found.w ?? found.bw ? ofWeek(found) : ofMonth(found);
  const time = ofDay(found);
  const zone = offset(found);
  return day === null || time === null || zone === null ? null : Math.min(LATEST, Math.max(EARLIEST, day + time - zone));
}

type Parts = Record<string, string | undefined>;

function utc(year: number, month: number, day: number): Date {
  // Date.UTC takes the years up to 99 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date;
}

function ofMonth({ y, m, d, bm, bd }: Parts): number | null {
  const [year, month, day] = [Number(y), Number(m ?? bm), Number(d ?? bd)];
  const date = utc(year, month - 1, day);
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

/** Week 1 is the one with 4 January; weeks begin on Mondays. */
function ofWeek({ y, w, wd, bw, bwd }: Parts): number | null {
  const [year, week, day] = [Number(y), Number(w ?? bw), Number(wd ?? bwd ?? 1)];
  const fourth = utc(year, 0, 4);
  const monday = fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * MS.d!;
  const thursday = new Date(monday + (week - 1) * MS.w! + 3 * MS.d!);
  const there = year > 0 && week > 0 && day >= 1 && day <= 7 && thursday.getUTCFullYear() === year;
  return there ? monday + (week - 1) * MS.w! + (day - 1) * MS.d! : null;
}

function ofDay({ h = "0", mi, bmi, s, bs, f, bf }: Parts): number | null {
  const [hour, minute, second] = [Number(h), Number(mi ?? bmi ?? 0), Number(s ?? bs ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  return hour * MS.h! + minute * MS.m! + second * MS.s! + Number((f ?? bf ?? "").slice(0, 3).padEnd(3, "0"));
}

function offset({ sign, zh, zm = "0", zs = "0" }: Parts): number | null {
  if (!sign) return 0;
  const [hour, minute, second] = [Number(zh), Number(zm), Number(zs)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  return (sign === "-" ? -1 : 1) * (hour * MS.h! + minute * MS.m! + second * MS.s!);
}
