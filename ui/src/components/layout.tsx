/** The parts that every page is laid out with. */
import { Group, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import classes from './layout.module.css';

export function PageHead({
  title,
  lead,
  above,
  actions,
  documentTitle,
}: {
  title: ReactNode;
  lead?: ReactNode;
  above?: ReactNode;
  actions?: ReactNode;
  documentTitle: string;
}) {
  useEffect(() => {
    document.title = `${documentTitle} · Runwright`;
  }, [documentTitle]);
  return (
    <div className={classes['head']}>
      <div className={classes['words']}>
        {above ? <div className={classes['above']}>{above}</div> : null}
        <Title order={1}>{title}</Title>
        {lead ? (
          <Text c="dimmed" mt={4} component="div">
            {lead}
          </Text>
        ) : null}
      </div>
      {actions ? <Group gap="xs">{actions}</Group> : null}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
  flush = false,
  testId,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  flush?: boolean;
  testId?: string;
}) {
  return (
    <section className="card" data-testid={testId}>
      {title ? (
        <div className={classes['cardHead']}>
          <Title order={2}>{title}</Title>
          {actions}
        </div>
      ) : null}
      <div className={flush ? classes['flush'] : classes['body']}>{children}</div>
    </section>
  );
}

/** Pairs of a name and its value; empty values are left out. */
export function Facts({ items }: { items: [string, ReactNode][] }) {
  const shown = items.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false);
  return (
    <dl className={classes['facts']}>
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that scrolls sideways where it must; with `stack` its rows become blocks on a phone (cells carry data-name). */
export function TableScroll({ children, label, stack = false }: { children: ReactNode; label: string; stack?: boolean }) {
  return (
    <div className={`${classes['scroll']} ${stack ? classes['stack'] : ''}`} role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
