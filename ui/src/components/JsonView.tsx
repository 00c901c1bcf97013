/** Shows a JSON value as text only: lists of alike records as a table, other structures as a tree to open and close. */
import { Table } from '@mantine/core';
import type { Json, JsonObject } from '../api/types';
import { TableScroll } from './layout';
import classes from './JsonView.module.css';

const SHOWN = 200;
const COLUMNS = 12;

const isObject = (value: Json): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isScalar = (value: Json): boolean => value === null || typeof value !== 'object';

/** The columns of a list of flat records, or null when it is better shown as a tree. */
function columnsOf(value: Json): string[] | null {
  if (!Array.isArray(value) || value.length < 2) return null;
  const columns = new Set<string>();
  for (const row of value) {
    if (!isObject(row) || !Object.values(row).every(isScalar)) return null;
    Object.keys(row).forEach((key) => columns.add(key));
  }
  return columns.size > 0 && columns.size <= COLUMNS ? [...columns] : null;
}

function Scalar({ value }: { value: Json }) {
  if (typeof value === 'string') return <span className={classes['string']}>{value === '' ? '""' : value}</span>;
  return <span className={classes['literal']}>{String(value)}</span>;
}

function More({ all }: { all: number }) {
  return all > SHOWN ? <div className={classes['more']}>… and {all - SHOWN} more; copy the text to see them all</div> : null;
}

function Tree({ name, value, open }: { name: string | null; value: Json; open: boolean }) {
  if (isScalar(value)) {
    return (
      <div className={classes['leaf']}>
        {name === null ? null : <span className={classes['key']}>{name}</span>}
        <Scalar value={value} />
      </div>
    );
  }
  const entries: [string, Json][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value as JsonObject);
  const size = `${entries.length} ${Array.isArray(value) ? 'item' : 'key'}${entries.length === 1 ? '' : 's'}`;
  const children = entries.slice(0, SHOWN).map(([key, item]) => (
    <Tree key={key} name={key} value={item} open={open && entries.length <= 20} />
  ));
  if (name === null) {
    return (
      <div>
        {entries.length === 0 ? <span className={classes['literal']}>{Array.isArray(value) ? '[ ]' : '{ }'}</span> : null}
        {children}
        <More all={entries.length} />
      </div>
    );
  }
  const columns = columnsOf(value);
  return (
    <details className={classes['branch']} open={open}>
      <summary>
        <span className={classes['key']}>{name}</span> <span className={classes['size']}>{size}</span>
      </summary>
      <div className={classes['inner']}>
        {columns ? <Records rows={value as JsonObject[]} columns={columns} label={name} /> : children}
        {columns ? null : <More all={entries.length} />}
      </div>
    </details>
  );
}

function Records({ rows, columns, label }: { rows: JsonObject[]; columns: string[]; label: string }) {
  return (
    <TableScroll label={label}>
      <Table verticalSpacing={6} fz="sm" w="auto" className={classes['records']}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column} ta={typeof rows[0]?.[column] === 'number' ? 'right' : undefined}>
                {column}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.slice(0, SHOWN).map((row, index) => (
            <Table.Tr key={index}>
              {columns.map((column) => (
                <Table.Td key={column} ta={typeof row[column] === 'number' ? 'right' : undefined}>
                  {column in row ? <Scalar value={row[column] ?? null} /> : null}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <More all={rows.length} />
    </TableScroll>
  );
}

export function JsonView({ value }: { value: Json }) {
  if (typeof value === 'string') return <pre className={classes['text']}>{value}</pre>;
  const columns = columnsOf(value);
  return (
    <div className={classes['tree']}>
      {columns ? (
        <Records rows={value as JsonObject[]} columns={columns} label="Records" />
      ) : (
        <Tree name={null} value={value} open />
      )}
    </div>
  );
}
