/** A worker by its host and process while it is known, else by the end of its id. */
import { useWorkers } from '../api/system';

export function WorkerName({ id }: { id: string }) {
  const { data } = useWorkers();
  const worker = data?.find((known) => known.id === id);
  return (
    <span className="mono" title={id}>
      {worker ? `${worker.host}:${worker.pid}` : id.slice(-8)}
    </span>
  );
}
