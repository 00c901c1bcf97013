/** Three states in one button: as the system, light, dark. */
import { ActionIcon, Tooltip, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { Icon, type IconName } from '../components/icons';

const order: MantineColorScheme[] = ['auto', 'light', 'dark'];
const looks: Record<MantineColorScheme, { icon: IconName; label: string }> = {
  auto: { icon: 'auto', label: 'as the system' },
  light: { icon: 'sun', label: 'light' },
  dark: { icon: 'moon', label: 'dark' },
};

export function ColourScheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = order[(order.indexOf(colorScheme) + 1) % order.length] ?? 'auto';
  const label = `Colours: ${looks[colorScheme].label}. Change to ${looks[next].label}`;
  return (
    <Tooltip label={`Colours: ${looks[colorScheme].label}`}>
      <ActionIcon variant="subtle" color="gray" size={36} aria-label={label} onClick={() => setColorScheme(next)}>
        <Icon name={looks[colorScheme].icon} />
      </ActionIcon>
    </Tooltip>
  );
}
