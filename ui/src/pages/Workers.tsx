import { Table } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useWorkers } from '../api/system';
import type { Json, Worker } from '../api/types';
import { Card, PageHead, TableScroll } from '../components/layout';
import { Empty, Failure, Loading } from '../components/Notice';
import { Label } from '../components/Status';
import { Ago, useNow } from '../components/time';
import classes from './Workers.module.css';

/** A heartbeat older than this is worth a warning; the store decides by its own clock. */
const STALE_SECONDS = 30;

const ALIVE: ReadonlySet<string> = new Set(['live', 'running', 'active']);

function laneText(value: Json): string {
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(laneText).join(', ');
  const busy = value['busy'] ?? value['running'] ?? value['used'];
  const slots = value['slots'] ?? value['size'] ?? value['limit'];
  if (busy !== undefined && slots !== undefined) return `${laneText(busy)} of ${laneText(slots)}`;
  return JSON.stringify(value);
}

function Lanes({ lanes }: { lanes: Json }) {
  if (lanes === null || typeof lanes !== 'object') return <>–</>;
  const entries = Array.isArray(lanes) ? lanes.map((lane): [string, Json] => [String(lane), '']) : Object.entries(lanes);
  return (
    <span className={classes['lanes']}>
      {entries.map(([name, value]) => (
        <span key={name} className="nowrap">
          <span className={classes['dim']}>{name}</span> {laneText(value)}
        </span>
      ))}
    </span>
  );
}

function Running({ running }: { running: Json }) {
  if (typeof running === 'number') return <>{running}</>;
  if (!Array.isArray(running) || running.length === 0) return <>–</>;
  return (
    <span className={classes['lanes']}>
      {running.slice(0, 12).map((id) => (
        <Link key={String(id)} to="/runs/$id" params={{ id: String(id) }} className="mono">
          {String(id).slice(-8)}
        </Link>
      ))}
      {running.length > 12 ? `and ${running.length - 12} more` : null}
    </span>
  );
}

function Row({ worker }: { worker: Worker }) {
  const present = useNow(5);
  const silent = (present - Date.parse(worker.heartbeat_at)) / 1000 > STALE_SECONDS;
  const alive = ALIVE.has(worker.state);
  return (
    <Table.Tr data-testid="worker-row">
      <Table.Td>
        <span className={classes['host']}>{worker.host}</span>
        <div className={`mono ${classes['dim']}`}>
          process {worker.pid} · {worker.id.slice(-8)} · {worker.roles.join(' and ')}
        </div>
      </Table.Td>
      <Table.Td data-name="State">
<div>        <Label tone={silent ? 'warn' : alive ? 'ok' : 'calm'} icon={silent ? 'alert' : alive ? 'check' : 'pauseCircle'}>
          {worker.state}
        </Label></div>
      </Table.Td>
      <Table.Td data-name="Slots">
<div>        <Lanes lanes={worker.lanes} /></div>
      </Table.Td>
      <Table.Td data-name="Running">
<div>        <Running running={worker.running} /></div>
      </Table.Td>
      <Table.Td data-name="Heartbeat">
<div>        <Ago iso={worker.heartbeat_at} /></div>
      </Table.Td>
      <Table.Td data-name="Started">
<div>        <Ago iso={worker.started_at} /></div>
      </Table.Td>
    </Table.Tr>
  );
}

export function Workers() {
  const { data, error, isPending, refetch } = useWorkers();
  return (
    <>
      <PageHead documentTitle="Workers" title="Workers" lead="The processes that execute runs and fire schedules" />
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {isPending ? <Loading rows={2} height={60} /> : null}
      {data ? (
        <Card flush>
          {data.length === 0 ? (
            <Empty icon="server" title="No worker is alive">
              Nothing is executed until one starts: <code>runwright serve</code> or <code>runwright worker</code>.
            </Empty>
          ) : (
            <TableScroll label="Workers" stack>
              <Table verticalSpacing={12}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Worker</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th>Slots</Table.Th>
                    <Table.Th>Running</Table.Th>
                    <Table.Th>Heartbeat</Table.Th>
                    <Table.Th>Started</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.map((worker) => (
                    <Row key={worker.id} worker={worker} />
                  ))}
                </Table.Tbody>
              </Table>
            </TableScroll>
          )}
        </Card>
      ) : null}
    </>
  );
}
