/** A run's log: only the rows in sight exist in the page, so that 100,000 lines cost no more than fifty. */
import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { Virtuoso, type VirtuosoHandle } from 'react-virtuoso';
import { logTextUrl } from '../../api/runs';
import { isTerminal, type LogLine, type Run } from '../../api/types';
import { Icon, type IconName } from '../../components/icons';
import { clockTime } from '../../components/time';
import type { RunStream } from '../../live/useRunStream';
import { filterLines } from './filterLines';
import classes from './LogPanel.module.css';

const ROW = 21;
/** Narrower windows wrap lines from the start. */
const NARROW = 700;
const TALLEST = 'clamp(280px, 60vh, 760px)';

/** A short log takes no more room than it needs; wrapped lines are not counted beforehand. */
const heightFor = (rows: number, wrap: boolean): string =>
  wrap && rows > 4 ? TALLEST : `min(${rows * ROW + 18}px, ${TALLEST})`;

function marked(text: string, wanted: string): ReactNode {
  if (wanted === '') return text;
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}

function Line({ line, before, wanted }: { line: LogLine; before: LogLine | undefined; wanted: string }) {
  const level = line.level.toLowerCase();
  return (
    <div className={classes['line']} data-level={level} data-first={before !== undefined && before.attempt !== line.attempt}>
      <time dateTime={line.time} title={line.time}>
        {clockTime(line.time)}
      </time>
      <span className={classes['level']}>{level === 'info' ? '' : level}</span>
      <span className={classes['text']}>{marked(line.text, wanted)}</span>
    </div>
  );
}

function Toggle({ on, icon, label, onClick }: { on: boolean; icon: IconName; label: string; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        size={34}
        variant="subtle"
        color="gray"
        className={classes['toggle']}
        aria-label={label}
        aria-pressed={on}
        onClick={onClick}
      >
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  );
}

function quiet(run: Run, stream: RunStream, searching: boolean): string {
  if (searching) return 'No line matches.';
  if (!stream.loaded) return 'Loading the log…';
  return isTerminal(run.status) ? 'The run wrote nothing to its log.' : 'Nothing was logged yet. New lines appear here.';
}

export function LogPanel({ run, stream }: { run: Run; stream: RunStream }) {
  const { lines, version } = useSyncExternalStore(stream.log.subscribe, stream.log.snapshot);
  const [query, setQuery] = useState('');
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(() => window.innerWidth < NARROW);
  const list = useRef<VirtuosoHandle>(null);
  const wanted = query.trim().toLowerCase();
  // The array is reused while it grows: its version says that it changed.
  const shown = useMemo(() => filterLines(lines, wanted), [lines, version, wanted]);

  const toEnd = () => list.current?.scrollToIndex({ index: 'LAST', align: 'end' });
  const toggleFollow = () => {
    if (!follow) toEnd();
    setFollow(!follow);
  };
  const count = wanted === '' ? `${lines.length.toLocaleString('en')} lines` : `${shown.length.toLocaleString('en')} of ${lines.length.toLocaleString('en')} lines`;

  return (
    <section className={`card ${classes['panel']}`} data-testid="log">
      <div className={classes['bar']}>
        <h2>Log</h2>
        <span className={`num ${classes['count']}`} data-testid="log-count">
          {count}
        </span>
        <TextInput
          size="xs"
          type="search"
          aria-label="Search in the log"
          placeholder="Filter lines"
          leftSection={<Icon name="search" size={15} />}
          className={classes['search']}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
        <div className={classes['tools']}>
          <Toggle on={follow} icon="arrowDown" label="Follow new lines" onClick={toggleFollow} />
          <Toggle on={wrap} icon="wrap" label="Wrap long lines" onClick={() => setWrap(!wrap)} />
          <Tooltip label="Download as text">
            <ActionIcon
              component="a"
              href={logTextUrl(run.id)}
              download={`${run.definition}-${run.id}.log`}
              size={34}
              variant="subtle"
              color="gray"
              aria-label="Download the log as text"
            >
              <Icon name="download" />
            </ActionIcon>
          </Tooltip>
        </div>
      </div>
      {shown.length === 0 ? (
        <div className={classes['quiet']}>{quiet(run, stream, wanted !== '')}</div>
      ) : (
        <div className={classes['lines']} data-wrap={wrap} style={{ height: heightFor(shown.length, wrap) }}>
        <Virtuoso
          key={wrap ? 'wrap' : 'plain'}
          ref={list}
          tabIndex={0}
          role="log"
          aria-label="Log lines"
          aria-live="off"
          totalCount={shown.length}
          initialTopMostItemIndex={follow ? shown.length - 1 : 0}
          followOutput={() => follow}
          atBottomThreshold={ROW * 2}
          atBottomStateChange={(atBottom) => {
            if (atBottom && !follow && !isTerminal(run.status)) setFollow(true);
          }}
          onWheel={(event) => {
            if (event.deltaY < 0 && follow) setFollow(false);
          }}
          increaseViewportBy={ROW * 12}
          {...(wrap ? {} : { fixedItemHeight: ROW })}
          itemContent={(index) => {
            const line = shown[index];
            return line ? <Line line={line} before={shown[index - 1]} wanted={wanted} /> : null;
          }}
        />
        </div>
      )}
    </section>
  );
}
