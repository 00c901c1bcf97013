import type { ErrorComponentProps } from '@tanstack/react-router';
import { LinkButton } from '../components/links';
import { Empty, Failure } from '../components/Notice';

export function NotFound() {
  return (
    <Empty page icon="search" title="There is nothing here">
      <p>The address may be old, or what it named was deleted.</p>
      <LinkButton to="/tasks" variant="default">
        Go to the tasks
      </LinkButton>
    </Empty>
  );
}

export function PageFailure({ error, reset }: ErrorComponentProps) {
  return <Failure error={error} retry={reset} />;
}
