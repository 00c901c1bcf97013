/** The commands that a run's status allows now, as the server lists them. */
import { Button, Group } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useRunAction } from '../../api/runs';
import { useMayOperate } from '../../api/system';
import type { Run, RunAction } from '../../api/types';
import { useConfirm, type Question } from '../../components/Confirm';
import { Icon, type IconName } from '../../components/icons';
import { say, sayFailure } from '../../components/notify';

const looks: Record<RunAction, { label: string; icon: IconName }> = {
  resume: { label: 'Resume', icon: 'play' },
  pause: { label: 'Pause', icon: 'pause' },
  restart: { label: 'Restart', icon: 'restart' },
  cancel: { label: 'Cancel', icon: 'stop' },
  delete: { label: 'Delete', icon: 'trash' },
};
const order = Object.keys(looks) as RunAction[];

function questionFor(action: RunAction, run: Run, title: string, onYes: () => void): Question | null {
  if (action === 'delete') {
    return {
      title: 'Delete this run?',
      text: 'Its log, result and attempts are deleted as well. This cannot be undone.',
      yes: 'Delete the run',
      onYes,
    };
  }
  if (action === 'cancel' && run.status !== 'pending') {
    return {
      title: `Cancel ${title}?`,
      text: 'The run is told to stop. What it has done so far is not undone.',
      yes: 'Cancel the run',
      onYes,
    };
  }
  return null;
}

export function RunActions({ run, title }: { run: Run; title: string }) {
  const action = useRunAction(run.id);
  const navigate = useNavigate();
  const mayOperate = useMayOperate();
  const [ask, dialog] = useConfirm();
  if (!mayOperate) return null;

  const act = (name: RunAction) =>
    action.mutate(name, {
      onSuccess: () => {
        if (name !== 'delete') return;
        say('The run was deleted.');
        void navigate({ to: '/runs' });
      },
      onError: sayFailure,
    });
  const press = (name: RunAction) => {
    const question = questionFor(name, run, title, () => act(name));
    if (question) ask(question);
    else act(name);
  };

  return (
    <Group gap="xs">
      {order
        .filter((name) => (run.actions ?? []).includes(name))
        .map((name) => (
          <Button
            key={name}
            variant={name === 'resume' ? 'filled' : 'default'}
            leftSection={<Icon name={looks[name].icon} size={16} />}
            data-testid={`${name}-button`}
            loading={action.isPending && action.variables === name}
            onClick={() => press(name)}
          >
            {looks[name].label}
          </Button>
        ))}
      {dialog}
    </Group>
  );
}
