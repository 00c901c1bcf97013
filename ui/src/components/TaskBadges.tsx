/** What one should know before running a task. */
import type { Definition } from '../api/types';
import { Label } from './Status';

export function TaskBadges({ task }: { task: Definition }) {
  return (
    <>
      {task.danger ? (
        <Label tone="bad" icon="alert" title={task.danger}>
          dangerous
        </Label>
      ) : null}
      {task.expensive ? (
        <Label tone="warn" icon="coins" title="Uses much time, money or power">
          expensive
        </Label>
      ) : null}
      {task.exclusive ? (
        <Label tone="retry" icon="lock" title="Runs only while nothing else runs">
          exclusive
        </Label>
      ) : null}
      {task.service ? (
        <Label icon="sync" title="One of it is kept running, by a schedule that says @always">
          service
        </Label>
      ) : null}
      {task.here ? null : (
        <Label icon="server" title="Workers know it; this server does not have its code">
          elsewhere
        </Label>
      )}
    </>
  );
}
