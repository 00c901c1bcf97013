/** Says whether what is shown follows the server. */
import type { Connection } from '../live/socket';
import { Icon } from './icons';
import { Label } from './Status';

export function LiveMark({ connection, ended = false }: { connection: Connection; ended?: boolean }) {
  if (ended) return null;
  if (connection === 'open') {
    return (
      <Label tone="ok" icon="activity" title="Changes appear as they happen">
        Live
      </Label>
    );
  }
  if (connection === 'closed') return null;
  return (
    <Label tone="warn" title="The connection is being made again">
      <Icon name="progress" size={14} className="spin" />
      {connection === 'connecting' ? 'Connecting' : 'Reconnecting'}
    </Label>
  );
}
