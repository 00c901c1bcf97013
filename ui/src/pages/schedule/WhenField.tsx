/** A schedule expression with its meaning: the server says it in English and names the next times while one types. */
import { Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { messageOf } from '../../api/client';
import { usePreview } from '../../api/schedules';
import { saysAlways } from '../../api/services';
import { Icon } from '../../components/icons';
import { absolute, Ago } from '../../components/time';
import classes from './schedule.module.css';

const EXAMPLES: [string, string][] = [
  ['@hourly', 'every hour'],
  ['0 2 * * *', 'at 2 each night'],
  ['*/15 9-17 * * mon-fri', 'working hours'],
  ['@every 1h30m', 'an interval'],
  ['@always', 'a service: one is kept running'],
];

interface Props {
  value: string;
  onChange: (value: string) => void;
  zone: string;
  error: string | undefined;
}

export function WhenField({ value, onChange, zone, error }: Props) {
  const [settled] = useDebouncedValue(value.trim(), 250);
  const preview = usePreview(settled, zone);
  const refused = settled !== '' && preview.error ? messageOf(preview.error) : undefined;
  return (
    <div>
      <TextInput
        label="When"
        description="A cron expression, an interval, times, or @always for a service."
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error ?? refused}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        autoComplete="off"
        withAsterisk
        data-testid="schedule-expression"
      />
      <div className={classes['examples']}>
        {EXAMPLES.map(([expression, words]) => (
          <button key={expression} type="button" onClick={() => onChange(expression)} title={words}>
            {expression}
          </button>
        ))}
      </div>
      <div aria-live="polite" data-testid="schedule-preview">
        {preview.data && !refused && settled !== '' ? (
          <div className={classes['preview']}>
            <div className={classes['english']}>
              <Icon name="calendar" size={17} /> {preview.data.english}
            </div>
            {preview.data.next.length === 0 && !saysAlways(settled) ? <Text size="sm">It never fires.</Text> : null}
            <ol>
              {preview.data.next.slice(0, 5).map((iso) => (
                <li key={iso}>
                  <span>{absolute(iso)}</span> <Ago iso={iso} />
                </li>
              ))}
            </ol>
          </div>
        ) : null}
      </div>
    </div>
  );
}
