/** A table of which only the rows in sight are drawn; all have one height. What reads it out is told how many there are. */
import type { ComponentChildren } from 'preact';
import { useWindow } from './virtual-rows.ts';

const ROW_HEIGHT = 37;

export interface Column {
  readonly title: string;
  readonly class?: string;
}

interface Props {
  readonly name: string;
  readonly class?: string;
  readonly columns: readonly Column[];
  readonly keys: readonly string[];
  /** Returns a `tr` with `aria-rowindex` of its place, from 2. */
  readonly row: (key: string, rowIndex: number) => ComponentChildren;
}

export function LongTable({ name, class: className = '', columns, keys, row }: Props) {
  const { list, first, end } = useWindow<HTMLTableSectionElement>(keys.length, ROW_HEIGHT);
  return (
    <table class={className} aria-label={name} aria-rowcount={keys.length + 1}>
      <thead>
        <tr>
          {columns.map(({ title, class: of }) => (
            <th key={title} scope="col" class={of}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={list}>
        <Spacer key="above" rows={first} columns={columns.length} />
        {keys.slice(first, end).map((key, at) => row(key, first + at + 2))}
        <Spacer key="below" rows={keys.length - end} columns={columns.length} />
      </tbody>
    </table>
  );
}

/** Keeps the room of rows that are out of sight. */
function Spacer({ rows, columns }: { readonly rows: number; readonly columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}
