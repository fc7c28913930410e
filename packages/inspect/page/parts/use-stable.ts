/** Reads signals into one object that stays the same while its fields do: what is drawn of it is then not drawn again. */
import { useComputed } from '@preact/signals';
import { useRef } from 'preact/hooks';

export function sameFields<T extends object>(a: T, b: T): boolean {
  return (Object.keys(b) as (keyof T)[]).every((field) => Object.is(a[field], b[field]));
}

export function useStable<T extends object>(read: () => T): T {
  const known = useRef<T | null>(null);
  return useComputed(() => {
    const next = read();
    if (known.current === null || !sameFields(known.current, next)) known.current = next;
    return known.current;
  }).value;
}
