import { Anchor, MultiSelect, TextInput } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useDefinitions } from '../api/definitions';
import type { Definition } from '../api/types';
import { Icon, taskIcon } from '../components/icons';
import { PageHead } from '../components/layout';
import { Empty, Failure, Loading, Notice } from '../components/Notice';
import { Status } from '../components/Status';
import { TaskBadges } from '../components/TaskBadges';
import { Ago } from '../components/time';
import classes from './Tasks.module.css';

const route = getRouteApi('/inside/tasks');
const OTHER = 'other';
const categoryOf = (task: Definition): string => task.category || OTHER;
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function TaskCard({ task }: { task: Definition }) {
  const stats = task.stats;
  return (
    <article className={classes['card']} data-testid="task-card" data-task={task.name}>
      <div className={classes['cardHead']}>
        <span className={classes['icon']}>
          <Icon name={taskIcon(task.icon)} size={20} />
        </span>
        <h3 className={classes['title']}>
          <Link to="/tasks/$name" params={{ name: task.name }}>
            {task.title || task.name}
          </Link>
        </h3>
      </div>
      <p className={classes['description']}>{task.description?.split('\n\n')[0] || task.name}</p>
      <div className={classes['badges']}>
        <TaskBadges task={task} />
        {task.tags.map((tag) => (
          <span key={tag} className={classes['tag']}>
            #{tag}
          </span>
        ))}
      </div>
      <div className={classes['foot']}>
        {stats?.last_status ? (
          <>
            <Status status={stats.last_status} />
            <Ago iso={stats.last_run_at} />
          </>
        ) : (
          <span>Not run yet</span>
        )}
      </div>
    </article>
  );
}

function Problems({ count }: { count: number }) {
  if (count === 0) return null;
  const words = count === 1 ? 'One file could not be loaded.' : `${count} files could not be loaded.`;
  return (
    <div className={classes['problems']}>
      <Notice
        tone="warn"
        icon="alert"
        title={
          <>
            {words} <Link to="/problems">See the problems</Link>
          </>
        }
      />
    </div>
  );
}

function group(tasks: Definition[]): [string, Definition[]][] {
  const groups = new Map<string, Definition[]>();
  for (const task of tasks) {
    const key = categoryOf(task);
    groups.set(key, [...(groups.get(key) ?? []), task]);
  }
  return [...groups].sort(([a], [b]) => (a === OTHER ? 1 : b === OTHER ? -1 : a.localeCompare(b)));
}

function found(task: Definition, words: string[]): boolean {
  const text = [task.name, task.title, task.description, task.category, ...task.tags].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

export function Tasks() {
  const { q, category, tag } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, isPending, refetch } = useDefinitions();
  const tasks = useMemo(() => (data?.items ?? []).filter((task) => !task.hidden), [data]);
  const categories = useMemo(() => group(tasks).map(([name, items]) => ({ name, count: items.length })), [tasks]);
  const tags = useMemo(() => [...new Set(tasks.flatMap((task) => task.tags))].sort(), [tasks]);
  const chosenTags = tag ? tag.split(',') : [];
  const set = (change: { q?: string | undefined; category?: string | undefined; tag?: string | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });

  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const shown = tasks.filter(
    (task) =>
      found(task, words) &&
      (!category || categoryOf(task) === category) &&
      chosenTags.every((wanted) => task.tags.includes(wanted)),
  );

  return (
    <>
      <PageHead
        documentTitle="Tasks"
        title="Tasks"
        lead={data ? `${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'} that can be run` : 'What can be run'}
      />
      <Problems count={data?.problems.length ?? 0} />
      <div className={classes['filters']}>
        <TextInput
          data-testid="search"
          type="search"
          aria-label="Search tasks"
          placeholder="Search by name, description or tag"
          leftSection={<Icon name="search" size={17} />}
          className={classes['search']}
          value={q ?? ''}
          onChange={(event) => set({ q: event.currentTarget.value || undefined })}
        />
        {tags.length > 0 ? (
          <MultiSelect
            aria-label="Filter by tag"
            placeholder={chosenTags.length === 0 ? 'Any tag' : undefined}
            data={tags}
            value={chosenTags}
            onChange={(next) => set({ tag: next.join(',') || undefined })}
            clearable
            className={classes['tags']}
          />
        ) : null}
      </div>
      {categories.length > 1 ? (
        <div className={classes['categories']} role="group" aria-label="Filter by category">
          <button type="button" aria-pressed={!category} onClick={() => set({ category: undefined })}>
            All <span>{tasks.length}</span>
          </button>
          {categories.map(({ name, count }) => (
            <button
              key={name}
              type="button"
              aria-pressed={category === name}
              onClick={() => set({ category: category === name ? undefined : name })}
            >
              {capital(name)} <span>{count}</span>
            </button>
          ))}
        </div>
      ) : null}
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {isPending ? <Loading rows={3} height={150} /> : null}
      {data && tasks.length === 0 ? (
        <Empty icon="terminal" title="No tasks yet">
          Put a Python file with a function <code>run</code> into the task folder. It appears here by itself.
        </Empty>
      ) : null}
      {tasks.length > 0 && shown.length === 0 ? (
        <Empty icon="search" title="No task matches">
          <Anchor component="button" onClick={() => set({ q: undefined, category: undefined, tag: undefined })}>
            Clear the search and the filters
          </Anchor>
        </Empty>
      ) : null}
      {group(shown).map(([name, items]) => (
        <section key={name} className={classes['group']}>
          <h2>{capital(name)}</h2>
          <div className={classes['grid']}>
            {items.map((task) => (
              <TaskCard key={task.name} task={task} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}
