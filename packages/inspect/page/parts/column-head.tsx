/** The head of a column; where its table can be sorted by it, a button that does so, the other way round, and as it was. */
import type { Signal } from '@preact/signals';

export interface Column {
  readonly title: string;
  readonly class?: string;
  /** What comes first when it is chosen; a table cannot be sorted by a column without. */
  readonly sorts?: 'ascending' | 'descending';
}

/** By which column a table is sorted; `null` for the order of its own. */
export type Sorting = { readonly by: string; readonly order: 'ascending' | 'descending' } | null;

interface Props {
  readonly column: Column;
  readonly sorting: Signal<Sorting> | undefined;
}

export function ColumnHead({ column, sorting }: Props) {
  const { title, class: of, sorts } = column;
  if (sorting === undefined || sorts === undefined)
    return (
      <th scope="col" class={of}>
        {title}
      </th>
    );
  const order = sorting.value?.by === title ? sorting.value.order : undefined;
  return (
    <th scope="col" class={of} aria-sort={order ?? 'none'}>
      <button class="sort" type="button" onClick={() => (sorting.value = after(column, sorting.value))}>
        {title}
        <span aria-hidden="true">{order === undefined ? '' : order === 'ascending' ? ' ▴' : ' ▾'}</span>
      </button>
    </th>
  );
}

function after({ title, sorts = 'ascending' }: Column, before: Sorting): Sorting {
  if (before?.by !== title) return { by: title, order: sorts };
  if (before.order !== sorts) return null;
  return { by: title, order: sorts === 'ascending' ? 'descending' : 'ascending' };
}
