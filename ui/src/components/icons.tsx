/** Our own small icon set: 24 by 24, strokes only, always decorative (the text beside it says it). */
import type { ReactNode } from 'react';

const shapes = {
  activity: <path d="M3 12h4l3-8 4 16 3-8h4" />,
  alert: <path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1" />,
  archive: <path d="M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M10 12.5h4" />,
  arrowDown: <path d="M12 4.5v14m-6-6 6 6.5 6-6.5" />,
  auto: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor" stroke="none" />
    </>
  ),
  bell: <path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4" />,
  bolt: <path d="M13 3 5 13.5h6L10.5 21 19 10.5h-6z" />,
  box: <path d="m12 3 8.5 4.5v9L12 21l-8.5-4.5v-9zM3.5 7.5 12 12l8.5-4.5M12 12v9" />,
  calendar: <path d="M4 6h16v14H4zM4 10.5h16M8 3.5V7m8-3.5V7" />,
  chart: <path d="M4 4v16h16M8.5 16v-4m4 4V7.5m4 8.5V10" />,
  check: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="m8 12.3 2.8 2.8L16 9.5" />
    </>
  ),
  chevron: <path d="m9 5.5 6.5 6.5L9 18.5" />,
  clock: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7v5.3l3.5 2" />
    </>
  ),
  cloud: <path d="M7 18.5a4.3 4.3 0 0 1-.6-8.5 6 6 0 0 1 11.5 1.4A3.6 3.6 0 0 1 17.5 18.5z" />,
  code: <path d="m8 7-5 5 5 5m8-10 5 5-5 5M13.5 5l-3 14" />,
  coins: (
    <>
      <circle cx="9.5" cy="14.5" r="6" />
      <path d="M11 5.1a6 6 0 1 1 6.9 8.2M9.5 12v5" />
    </>
  ),
  copy: <path d="M9 9h11v11H9zM5.5 15H4V4h11v1.5" />,
  cross: <path d="m6 6 12 12M18 6 6 18" />,
  crossCircle: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="m9 9 6 6m0-6-6 6" />
    </>
  ),
  database: (
    <>
      <ellipse cx="12" cy="6" rx="7.5" ry="3" />
      <path d="M4.5 6v12c0 1.7 3.4 3 7.5 3s7.5-1.3 7.5-3V6M4.5 12c0 1.7 3.4 3 7.5 3s7.5-1.3 7.5-3" />
    </>
  ),
  download: <path d="M12 3.5v11.5m-5-4.5 5 5 5-5M4.5 20h15" />,
  file: <path d="M6 3h8l4.5 4.5V21H6zM14 3v4.5h4.5" />,
  folder: <path d="M3.5 6h6l2 2.5h9V19h-17z" />,
  globe: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17z" />
    </>
  ),
  history: <path d="M4.5 8.5A8.5 8.5 0 1 1 3.5 12M4 4v4.8h4.8M12 7.5v5l3.3 1.8" />,
  hourglass: <path d="M6.5 3.5h11m-11 17h11M8 3.5v4L12 12l4-4.5v-4m-8 17v-4L12 12l4 4.5v4" />,
  image: <path d="M4 5h16v14H4zM4 16l5-5 4 4 3-2.5 4 3.5M15.5 8.7v.1" />,
  inbox: <path d="M4 13.5 6.5 5h11l2.5 8.5V19H4zM4 13.5h5l1 2.5h4l1-2.5h5" />,
  link: <path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1" />,
  list: <path d="M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5h.1M4.5 12h.1M4.5 17.5h.1" />,
  lock: <path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3" />,
  mail: <path d="M3.5 6h17v12.5h-17zM3.5 7l8.5 6.5L20.5 7" />,
  moon: <path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />,
  pause: <path d="M8.5 5v14m7-14v14" />,
  pauseCircle: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M10 9v6m4-6v6" />
    </>
  ),
  pencil: <path d="m4.5 19.5 1-4.5L16 4.5l3.5 3.5L9 18.5z" />,
  play: <path d="M7.5 5v14l11.5-7z" />,
  plus: <path d="M12 5v14M5 12h14" />,
  progress: <path d="M12 3.5a8.5 8.5 0 1 1-8.5 8.5" />,
  restart: <path d="M19.5 8.5A8.5 8.5 0 1 0 20.5 12M20 4v4.8h-4.8" />,
  search: (
    <>
      <circle cx="10.5" cy="10.5" r="6.5" />
      <path d="m15.5 15.5 5 5" />
    </>
  ),
  server: <path d="M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5h.1M7.5 16.5h.1" />,
  shield: <path d="M12 3.5 19 6v5.5c0 4.5-3 7.7-7 9-4-1.3-7-4.5-7-9V6z" />,
  signOut: <path d="M10 4.5H5v15h5M14.5 8l4 4-4 4M9 12h9.5" />,
  skip: <path d="m5 6 8 6-8 6zM17.5 6v12" />,
  sparkle: <path d="M12 3.5 14 10l6.5 2-6.5 2-2 6.5-2-6.5-6.5-2L10 10z" />,
  stop: <path d="M6.5 6.5h11v11h-11z" />,
  sun: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 2.5v2.3M12 19.2v2.3M2.5 12h2.3M19.2 12h2.3M5.3 5.3l1.6 1.6m10.2 10.2 1.6 1.6m0-13.4-1.6 1.6M6.9 17.1l-1.6 1.6" />
    </>
  ),
  sync: <path d="M4 10a8.3 8.3 0 0 1 14.5-3.5L20 8M20 4v4h-4M20 14a8.3 8.3 0 0 1-14.5 3.5L4 16M4 20v-4h4" />,
  tag: <path d="M4 4h8l8 8-8 8-8-8zM8.3 8.3v.1" />,
  terminal: <path d="M3.5 5h17v14h-17zM7 9.5l3 2.5-3 2.5M12.5 15H17" />,
  trash: <path d="M4.5 7h15M9.5 7V4h5v3M6.5 7l1 13.5h9l1-13.5M10.5 11v6m3-6v6" />,
  user: (
    <>
      <circle cx="12" cy="8.5" r="4" />
      <path d="M4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5" />
    </>
  ),
  wand: <path d="m4 20 10-10M14 4v3m-1.5-1.5h3M19 9v3m-1.5-1.5h3M18 3.5v2M17 4.5h2" />,
  wrap: <path d="M4 6h16M4 12h13a3.3 3.3 0 0 1 0 6.5h-4m2.5-2.8L12.7 18.5l2.8 2.8M4 18.5h4" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 18, className }: { name: IconName; size?: number; className?: string | undefined }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      style={{ flex: 'none' }}
    >
      {shapes[name]}
    </svg>
  );
}

/** Words that authors of tasks use for an icon, beside the names of the set itself. */
const aliases: Record<string, IconName> = {
  backup: 'database',
  broom: 'sparkle',
  bug: 'alert',
  chart_bar: 'chart',
  clean: 'sparkle',
  cleanup: 'sparkle',
  cog: 'wand',
  download: 'download',
  email: 'mail',
  gear: 'wand',
  heart: 'activity',
  health: 'activity',
  photo: 'image',
  refresh: 'sync',
  report: 'chart',
  rocket: 'bolt',
  scan: 'search',
  script: 'terminal',
  security: 'shield',
  service: 'server',
  settings: 'wand',
  timer: 'clock',
  upload: 'cloud',
  user: 'user',
  warning: 'alert',
};

export function taskIcon(name: string | null | undefined): IconName {
  if (!name) return 'terminal';
  const key = name.toLowerCase().replaceAll('-', '_');
  if (Object.hasOwn(shapes, key)) return key as IconName;
  return aliases[key] ?? 'terminal';
}
