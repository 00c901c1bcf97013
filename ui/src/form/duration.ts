/** Durations as people type them (1h30m, 90, 00:10:00, PT5M) and as ISO 8601, which the server reads. */

const UNITS: Record<string, number> = { d: 86_400, h: 3600, m: 60, min: 60, s: 1, ms: 0.001, w: 604_800 };
const ISO = /^(-)?P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i;

/** Seconds, or null when the text is not a duration. */
export function parseDuration(text: string): number | null {
  const clean = text.trim().toLowerCase();
  if (clean === '') return null;
  if (/^\d+(\.\d+)?$/.test(clean)) return Number(clean);
  const iso = ISO.exec(clean);
  if (iso && clean !== 'p' && clean !== 'pt') {
    const n = (index: number) => Number(iso[index] ?? 0);
    const total = n(2) * 604_800 + n(3) * 86_400 + n(4) * 3600 + n(5) * 60 + n(6);
    return iso[1] ? -total : total;
  }
  const clock = /^(\d+):(\d{2})(?::(\d{2}))?$/.exec(clean);
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3] ?? 0);
  let total = 0;
  let rest = clean;
  while (rest !== '') {
    const part = /^(\d+(?:\.\d+)?)\s*(ms|min|[wdhms])\s*/.exec(rest);
    if (!part) return null;
    total += Number(part[1]) * (UNITS[part[2] ?? ''] ?? 0);
    rest = rest.slice(part[0].length);
  }
  return total;
}

export function isoDuration(total: number): string {
  const sign = total < 0 ? '-' : '';
  let left = Math.abs(total);
  const take = (unit: number) => {
    const n = Math.floor(left / unit);
    left -= n * unit;
    return n;
  };
  const d = take(86_400);
  const h = take(3600);
  const m = take(60);
  const s = Math.round(left * 1e6) / 1e6;
  const time = `${h ? `${h}H` : ''}${m ? `${m}M` : ''}${s || (!d && !h && !m) ? `${s}S` : ''}`;
  return `${sign}P${d ? `${d}D` : ''}${time ? `T${time}` : ''}`;
}

/** 1h 30m: how a stored duration is shown in its field. */
export function spokenDuration(value: string): string {
  const total = parseDuration(value);
  if (total === null || total < 0) return value;
  return isoDuration(total)
    .replace(/^P/, '')
    .replace('T', '')
    .replaceAll(/([DHMS])/g, '$1 ')
    .trim()
    .toLowerCase();
}
