/** A table of which only the rows in sight are drawn; all have one height. What reads it out is told how many there are. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { type Column, ColumnHead, type Sorting } from './column-head.tsx';
import { useWindow } from './virtual-rows.ts';

const ROW_HEIGHT = 37;

interface Props {
  readonly name: string;
  readonly class?: string;
  readonly columns: readonly Column[];
  /** By which column the keys are sorted, where they can be. */
  readonly sorting?: Signal<Sorting>;
  readonly keys: readonly string[];
  /** Returns a `tr` with `aria-rowindex` of its place, from 2. */
  readonly row: (key: string, rowIndex: number) => ComponentChildren;
}

export function LongTable({ name, class: className = '', columns, sorting, keys, row }: Props) {
  const { list, first, end } = useWindow<HTMLTableSectionElement>(keys.length, ROW_HEIGHT);
  return (
    <table class={className} aria-label={name} aria-rowcount={keys.length + 1}>
      <thead>
        <tr>
          {columns.map((column) => (
            <ColumnHead key={column.title} column={column} sorting={sorting} />
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
