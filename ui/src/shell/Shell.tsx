/** The frame of every page behind the sign-in: header, navigation, main landmark. */
import { ActionIcon, Burger, Drawer, Group, Stack, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useDefinitions } from '../api/definitions';
import { useMe, useSignOut, useStats } from '../api/system';
import { Icon, type IconName } from '../components/icons';
import { useTasksStream } from '../live/useTasksStream';
import { ColourScheme } from './ColourScheme';
import classes from './Shell.module.css';

const places = [
  { to: '/tasks', label: 'Tasks', icon: 'terminal' },
  { to: '/runs', label: 'Runs', icon: 'activity' },
  { to: '/schedules', label: 'Schedules', icon: 'calendar' },
  { to: '/services', label: 'Services', icon: 'sync' },
  { to: '/timeline', label: 'Timeline', icon: 'history' },
  { to: '/workers', label: 'Workers', icon: 'server' },
  { to: '/problems', label: 'Problems', icon: 'alert' },
] as const satisfies { to: string; label: string; icon: IconName }[];

function Wordmark() {
  return (
    <Link to="/tasks" className={classes['wordmark']}>
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#1f5673" />
        <path d="M9.5 8.5v15" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
        <path
          d="M14.5 10.2v11.6a.9.9 0 0 0 1.4.8l8.8-5.8a1 1 0 0 0 0-1.6l-8.8-5.8a.9.9 0 0 0-1.4.8z"
          fill="#fff"
        />
      </svg>
      Runwright
    </Link>
  );
}

function Places({ onGo }: { onGo?: () => void }) {
  const { data } = useDefinitions();
  const { data: stats } = useStats();
  const counts: Partial<Record<string, { n: number; what: string; bad?: boolean }>> = {
    '/runs': { n: stats?.runs_by_status?.running ?? 0, what: 'running' },
    '/problems': { n: data?.problems.length ?? 0, what: 'listed', bad: true },
  };
  return places.map(({ to, label, icon }) => {
    const count = counts[to];
    return (
      <Link key={to} to={to} className={classes['place']} activeProps={{ 'aria-current': 'page' }} onClick={onGo}>
        <Icon name={icon} size={17} />
        {label}
        {count && count.n > 0 ? (
          <span className={classes['count']} data-bad={count.bad} aria-label={`, ${count.n} ${count.what}`} role="img">
            {count.n}
          </span>
        ) : null}
      </Link>
    );
  });
}

function Me() {
  const { data: me } = useMe();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const client = useQueryClient();
  const leave = () =>
    signOut.mutate(undefined, {
      onSettled: async () => {
        await navigate({ to: '/sign-in' });
        client.clear();
      },
    });
  return (
    <>
      {me ? (
        <span className={classes['user']} title={`Signed in as ${me.name}, ${me.role}`}>
          <Icon name="user" size={18} />
          <span className={classes['userName']}>{me.name}</span>
        </span>
      ) : null}
      <Tooltip label="Sign out">
        <ActionIcon variant="subtle" color="gray" size={36} aria-label="Sign out" onClick={leave}>
          <Icon name="signOut" />
        </ActionIcon>
      </Tooltip>
    </>
  );
}

export function Shell() {
  const [open, { toggle, close }] = useDisclosure(false);
  const me = useMe();
  const main = useRef<HTMLElement>(null);
  const path = useLocation({ select: (location) => location.pathname });
  const before = useRef(path);
  useTasksStream(me.isSuccess);

  // A new page starts at its main part for people who navigate by keyboard or screen reader.
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path]);

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className={classes['header']}>
        <div className={classes['bar']}>
          <Burger
            className={classes['burger']}
            opened={open}
            onClick={toggle}
            size="sm"
            aria-label={open ? 'Close the navigation' : 'Open the navigation'}
          />
          <Wordmark />
          <nav className={classes['nav']} aria-label="Main">
            <Places />
          </nav>
          <Group gap={4} wrap="nowrap" ml="auto">
            <ColourScheme />
            <Me />
          </Group>
        </div>
      </header>
      <Drawer opened={open} onClose={close} size={260} title="Runwright" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack component="nav" gap={4} aria-label="Main">
          <Places onGo={close} />
        </Stack>
        {me.data ? (
          <Text size="sm" c="dimmed" mt="lg" px={11}>
            Signed in as {me.data.name}, {me.data.role}
          </Text>
        ) : null}
      </Drawer>
      <main id="main" ref={main} tabIndex={-1} className={classes['main']}>
        <Outlet />
      </main>
    </>
  );
}
