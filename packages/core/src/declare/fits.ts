/**
 * The compile-time check between `dependsOn` and a constructor.
 *
 * A decorator that returns `void` is accepted and one that returns `Mismatch` is not, so the compiler's message reads as
 * the text in the type. Classes that are structurally equal cannot be told apart this way.
 */
import type { DependencyEntry, Provided } from './dependency.ts';

/** Never made; its text is what the compiler shows. */
export interface Mismatch<Text extends string, Expected = unknown, Got = unknown> {
  readonly mismatch: Text;
  readonly expected: Expected;
  readonly got: Got;
}

type Ordinal = ['1st', '2nd', '3rd', '4th', '5th', '6th', '7th', '8th', '9th', '10th'];
type Place<I extends readonly unknown[]> = I['length'] extends keyof Ordinal ? Ordinal[I['length']] : `nth`;

/** `void` when each entry of `D` fits the constructor parameter at its place and none is missing or too many. */
export type Fits<
  P extends readonly unknown[],
  D extends readonly DependencyEntry[],
  I extends readonly unknown[] = [],
> = D extends readonly [infer Head, ...infer Tail extends readonly DependencyEntry[]]
  ? P extends readonly []
    ? Mismatch<`dependsOn: the ${Place<I> & string} entry has no constructor parameter`>
    : P extends readonly [(infer First)?, ...infer Rest]
      ? Provided<Head> extends First
        ? Fits<Rest, Tail, [...I, unknown]>
        : Mismatch<
            `dependsOn: the ${Place<I> & string} entry does not fit the ${Place<I> & string} constructor parameter`,
            First,
            Provided<Head>
          >
      : never
  : P extends readonly [infer First, ...unknown[]]
    ? Mismatch<`dependsOn: nothing is declared for the ${Place<I> & string} constructor parameter`, First>
    : void;
