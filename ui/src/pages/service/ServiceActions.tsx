/** The commands that the state of a service allows now. */
import { Button, Group } from '@mantine/core';
import { ApiError } from '../../api/client';
import { useDefinitions } from '../../api/definitions';
import { actionsOf, useServiceAction, type ServiceAction } from '../../api/services';
import { useMayOperate } from '../../api/system';
import type { Service } from '../../api/types';
import { useConfirm } from '../../components/Confirm';
import { Icon, type IconName } from '../../components/icons';
import { sayFailure } from '../../components/notify';

const looks: Record<ServiceAction, { label: string; icon: IconName; text: string | null }> = {
  start: { label: 'Start', icon: 'play', text: null },
  restart: { label: 'Restart', icon: 'restart', text: 'It is told to end, and started anew when it has.' },
  stop: { label: 'Stop', icon: 'stop', text: 'It is told to end, and stays stopped until somebody starts it.' },
};

export const titleOf = (service: Service): string => service.label || service.name;

export function ServiceActions({ service, small = false }: { service: Service; small?: boolean }) {
  const action = useServiceAction(service.name);
  const mayOperate = useMayOperate();
  const { data: definitions } = useDefinitions();
  const [ask, dialog] = useConfirm();
  if (!mayOperate) return null;
  const title = titleOf(service);
  const danger = definitions?.items.find((task) => task.name === service.action_name)?.danger ?? null;

  const question = (name: ServiceAction, warning: string | null) =>
    ask({
      title: `${looks[name].label} ${title}?`,
      danger: warning,
      text: looks[name].text,
      yes: looks[name].label,
      onYes: () => act(name, warning !== null),
    });
  const act = (name: ServiceAction, confirm: boolean) =>
    action.mutate(
      { action: name, confirm },
      {
        onError: (error) => {
          if (confirm || !(error instanceof ApiError && error.has('confirm_required'))) sayFailure(error);
          else question(name, error.message);
        },
      },
    );
  const press = (name: ServiceAction) => {
    const warning = name === 'stop' ? null : danger;
    // What is not running has nothing to lose by a restart.
    if (warning !== null || (name !== 'start' && service.run !== null)) question(name, warning);
    else act(name, false);
  };

  return (
    <Group gap={small ? 6 : 'xs'} wrap="nowrap">
      {actionsOf(service).map((name) => (
        <Button
          key={name}
          size={small ? 'xs' : 'sm'}
          variant={name === 'start' && !small ? 'filled' : 'default'}
          leftSection={<Icon name={looks[name].icon} size={small ? 14 : 16} />}
          aria-label={`${looks[name].label} ${title}`}
          data-testid={`${name}-service`}
          loading={action.isPending && action.variables.action === name}
          onClick={() => press(name)}
        >
          {looks[name].label}
        </Button>
      ))}
      {dialog}
    </Group>
  );
}
