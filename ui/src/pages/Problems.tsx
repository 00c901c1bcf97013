import { useDefinitions } from '../api/definitions';
import { Card, PageHead } from '../components/layout';
import { Empty, Failure, Loading } from '../components/Notice';
import classes from './Problems.module.css';

export function Problems() {
  const { data, error, isPending, refetch } = useDefinitions();
  const problems = data?.problems ?? [];
  return (
    <>
      <PageHead
        documentTitle="Problems"
        title="Problems"
        lead="Files that could not be loaded. The other tasks are not affected; a file that is put right is read again by itself."
      />
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {isPending ? <Loading /> : null}
      {data && problems.length === 0 ? (
        <Card>
          <Empty icon="check" title="No problems">
            Every file was read and every task was registered.
          </Empty>
        </Card>
      ) : null}
      <ul className={classes['list']}>
        {problems.map((problem, index) => (
          <li key={index} className="card" data-testid="problem">
            <h2 className={classes['file']}>
              {problem.file}
              {problem.line === null ? '' : `:${problem.line}`}
            </h2>
            <pre className={classes['error']}>{problem.error}</pre>
          </li>
        ))}
      </ul>
    </>
  );
}
