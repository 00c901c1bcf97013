/** Boxes that speak: notices in a tone, failures of requests, and empty places that say what to do. */
import { Button, Skeleton, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { messageOf } from '../api/client';
import { Icon, type IconName } from './icons';
import classes from './Notice.module.css';

export function Notice({
  tone,
  icon,
  title,
  children,
  alert = false,
}: {
  tone: 'ok' | 'busy' | 'warn' | 'bad' | 'calm';
  icon: IconName;
  title?: ReactNode;
  children?: ReactNode;
  alert?: boolean;
}) {
  return (
    <div className={classes['notice']} data-tone={tone} role={alert ? 'alert' : undefined}>
      <Icon name={icon} size={19} />
      <div className={classes['words']}>
        {title ? <div className={classes['title']}>{title}</div> : null}
        {children}
      </div>
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <Notice tone="bad" icon="alert" title={messageOf(error)} alert>
      {retry ? (
        <Button size="xs" variant="default" mt={8} onClick={retry}>
          Try again
        </Button>
      ) : null}
    </Notice>
  );
}

/** `page`: it stands for the whole page, whose heading it then is. */
export function Empty({
  icon,
  title,
  page = false,
  children,
}: {
  icon: IconName;
  title: string;
  page?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={classes['empty']}>
      <span className={classes['emptyIcon']}>
        <Icon name={icon} size={26} />
      </span>
      <Title order={page ? 1 : 2} size="h3">
        {title}
      </Title>
      <Text c="dimmed" size="sm" component="div" maw={460}>
        {children}
      </Text>
    </div>
  );
}

export function Loading({ rows = 4, height = 56 }: { rows?: number; height?: number }) {
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={height} radius="md" />
      ))}
    </Stack>
  );
}
