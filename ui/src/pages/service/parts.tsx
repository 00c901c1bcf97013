/** What is told of a service, in its row and on its page. */
import { Link } from '@tanstack/react-router';
import type { Run, Service } from '../../api/types';
import { State } from '../../components/Status';
import { absolute, Ago, Duration, seconds } from '../../components/time';
import classes from './service.module.css';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const amount = value / 1024 ** power;
  return `${amount < 10 && power > 0 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power]}`;
}

/** Its state, and when it is started again if it waits for that. */
export function StateNow({ service, large = false }: { service: Service; large?: boolean }) {
  const waits = service.state === 'restarting' && service.run === null && service.next_start !== null;
  return (
    <span className={classes['state']}>
      <State state={service.state} large={large} />
      {waits ? (
        <span className={classes['dim']}>
          again <Ago iso={service.next_start} />
        </span>
      ) : null}
    </span>
  );
}

export function Uptime({ run }: { run: Run | null }) {
  return run?.started_at ? <Duration start={run.started_at} end={null} live /> : <>–</>;
}

export function Restarts({ service }: { service: Service }) {
  return (
    <span className="num nowrap" title="How often it has failed in a row, without a healthy minute in between">
      {service.is_active ? service.restarts : '–'}
    </span>
  );
}

const measured = (service: Service): string | undefined =>
  service.measured_at ? `Measured on ${absolute(service.measured_at)}` : undefined;

/** Nothing where it cannot be told apart from the rest of the worker. */
export function CpuTime({ service }: { service: Service }) {
  return (
    <span className="num nowrap" title={measured(service)}>
      {service.cpu_seconds === null ? '–' : seconds(service.cpu_seconds)}
    </span>
  );
}

export function Memory({ service }: { service: Service }) {
  return (
    <span className="num nowrap" title={measured(service)}>
      {service.memory_bytes === null ? '–' : bytes(service.memory_bytes)}
    </span>
  );
}

export function LiveRun({ run }: { run: Run | null }) {
  if (!run) return <>–</>;
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className="mono nowrap">
      {run.id.slice(-8)}
    </Link>
  );
}
