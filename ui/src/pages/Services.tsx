import { Table } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTaskTitle } from '../api/definitions';
import { useServices } from '../api/services';
import { useMayOperate } from '../api/system';
import type { Service } from '../api/types';
import { Icon } from '../components/icons';
import { Card, PageHead, TableScroll } from '../components/layout';
import { Empty, Failure, Loading } from '../components/Notice';
import { Label } from '../components/Status';
import { CpuTime, LiveRun, Memory, Restarts, StateNow, Uptime } from './service/parts';
import { ServiceActions, titleOf } from './service/ServiceActions';
import own from './service/service.module.css';
import classes from './schedule/schedule.module.css';

function Row({ service, mayOperate }: { service: Service; mayOperate: boolean }) {
  const taskTitle = useTaskTitle();
  return (
    <Table.Tr data-testid="service-row" data-service={service.name}>
      <Table.Td>
        <Link to="/schedules/$name" params={{ name: service.name }} className={classes['name']}>
          {titleOf(service)}
        </Link>
        <div className={classes['under']}>
          <Link to="/tasks/$name" params={{ name: service.action_name }}>
            {taskTitle(service.action_name)}
          </Link>
          {service.unbound ? (
            <Label tone="bad" icon="link" title={service.unbound}>
              unbound
            </Label>
          ) : null}
        </div>
        {service.last_error ? (
          <div className={own['error']}>
            <Icon name="alert" size={14} />
            <span>The last error: {service.last_error}</span>
          </div>
        ) : null}
      </Table.Td>
      <Table.Td data-name="State">
        <StateNow service={service} />
      </Table.Td>
      <Table.Td data-name="Up for">
        <Uptime run={service.run} />
      </Table.Td>
      <Table.Td data-name="Restarts">
        <Restarts service={service} />
      </Table.Td>
      <Table.Td data-name="CPU time">
        <CpuTime service={service} />
      </Table.Td>
      <Table.Td data-name="Memory">
        <Memory service={service} />
      </Table.Td>
      <Table.Td data-name="Run">
        <LiveRun run={service.run} />
      </Table.Td>
      {mayOperate ? (
        <Table.Td data-name="Commands">
          <ServiceActions service={service} small />
        </Table.Td>
      ) : null}
    </Table.Tr>
  );
}

export function Services() {
  const { data, error, isPending, refetch } = useServices();
  const mayOperate = useMayOperate();
  return (
    <>
      <PageHead documentTitle="Services" title="Services" lead="What is kept running, and started again when it fails" />
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {isPending ? <Loading rows={3} height={60} /> : null}
      {data ? (
        <Card flush>
          {data.length === 0 ? (
            <Empty icon="sync" title="No services yet">
              A service is a task that one of is kept running: give it <code>schedule=&quot;@always&quot;</code> in its
              code, write a file with <code>service_main(service)</code>, or make a schedule that says{' '}
              <code>@always</code>.
            </Empty>
          ) : (
            <TableScroll label="Services" stack>
              <Table verticalSpacing={12}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Service</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th>Up for</Table.Th>
                    <Table.Th>Restarts</Table.Th>
                    <Table.Th>CPU time</Table.Th>
                    <Table.Th>Memory</Table.Th>
                    <Table.Th>Run</Table.Th>
                    {mayOperate ? <Table.Th>Commands</Table.Th> : null}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.map((service) => (
                    <Row key={service.id} service={service} mayOperate={mayOperate} />
                  ))}
                </Table.Tbody>
              </Table>
            </TableScroll>
          )}
        </Card>
      ) : null}
    </>
  );
}
