/** Switches a schedule on and off; a dangerous task asks first. */
import type { ReactNode } from 'react';
import { ApiError } from '../../api/client';
import { useSaveSchedule } from '../../api/schedules';
import type { Schedule } from '../../api/types';
import { useConfirm } from '../../components/Confirm';
import { sayFailure } from '../../components/notify';

export function useSwitch(schedule: Schedule): [flip: (on: boolean) => void, pending: boolean, dialog: ReactNode] {
  const save = useSaveSchedule(schedule.name);
  const [ask, dialog] = useConfirm();
  const send = (on: boolean, confirm: boolean) =>
    save.mutate(
      { is_active: on, ...(confirm ? { confirm } : {}) },
      {
        onError: (error) => {
          if (confirm || !(error instanceof ApiError && error.has('confirm_required'))) {
            sayFailure(error);
            return;
          }
          ask({
            title: `Switch on ${schedule.label || schedule.name}?`,
            danger: error.message,
            yes: 'Switch it on',
            onYes: () => send(on, true),
          });
        },
      },
    );
  return [(on) => send(on, false), save.isPending, dialog];
}
