/** Times for people: relative text that stays true while one looks, the absolute time on hover. */
import dayjs from 'dayjs';
import relativeTime from 'dayjs/plugin/relativeTime';
import { useSyncExternalStore } from 'react';

dayjs.extend(relativeTime);

const listeners = new Set<() => void>();
let now = Date.now();
let timer: number | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    now = Date.now();
    listeners.forEach((tell) => tell());
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The present, to the second or coarser: components render again only when the rounded value changes. */
export function useNow(everySeconds = 1): number {
  const step = everySeconds * 1000;
  return useSyncExternalStore(subscribe, () => Math.floor((timer ? now : Date.now()) / step) * step);
}

export const absolute = (iso: string): string => dayjs(iso).format('ddd D MMM YYYY, HH:mm:ss');
export const clockTime = (iso: string): string => dayjs(iso).format('HH:mm:ss');

export function relative(iso: string, present: number): string {
  const seconds = (dayjs(iso).valueOf() - present) / 1000;
  if (Math.abs(seconds) < 5) return seconds > 0 ? 'in a moment' : 'just now';
  if (Math.abs(seconds) < 57) {
    const n = Math.round(Math.abs(seconds) / 5) * 5;
    return seconds > 0 ? `in ${n} s` : `${n} s ago`;
  }
  return dayjs(iso).from(present);
}

export function Ago({ iso, fallback = '–' }: { iso: string | null | undefined; fallback?: string }) {
  useNow(5); // says when to look again; the text itself is exact
  if (!iso) return <>{fallback}</>;
  return (
    <time dateTime={iso} title={absolute(iso)} className="nowrap">
      {relative(iso, Date.now())}
    </time>
  );
}

export function seconds(value: number): string {
  if (value < 0.001) return '0 s';
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 60) return `${Math.round(value)} s`;
  const total = Math.round(value);
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = total % 60;
  if (h >= 48) return `${Math.floor(h / 24)} d ${h % 24} h`;
  if (h > 0) return `${h} h ${String(m).padStart(2, '0')} min`;
  return `${m} min ${String(s).padStart(2, '0')} s`;
}

/** How long a run took, or has been taking since it was started. */
export function Duration({
  start,
  end,
  value,
  live = false,
}: {
  start: string | null;
  end: string | null;
  value?: number | null;
  live?: boolean;
}) {
  const present = useNow(live ? 1 : 3600);
  let taken = value ?? null;
  if (taken === null && start) {
    if (end) taken = (Date.parse(end) - Date.parse(start)) / 1000;
    else if (live) taken = Math.max(0, Math.floor((present - Date.parse(start)) / 1000));
  }
  return <span className="num nowrap">{taken === null ? '–' : seconds(taken)}</span>;
}
