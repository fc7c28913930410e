/** A field whose text narrows what a view lists. */
import type { Signal } from '@preact/signals';

interface FilterProps {
  /** For those who do not see the field. */
  readonly label: string;
  readonly text: Signal<string>;
}

export function Filter({ label, text }: FilterProps) {
  return (
    <input
      type="search"
      placeholder="Filter"
      aria-label={label}
      value={text.value}
      onInput={({ currentTarget }) => {
        text.value = currentTarget.value;
      }}
    />
  );
}

/** What stands in a field, as it is looked for. */
export function soughtIn(text: Signal<string>): string {
  return text.value.trim().toLowerCase();
}
