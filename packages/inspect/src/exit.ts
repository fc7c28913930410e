/** The exit codes of every command but `start`, which ends with those of `runApp`; as diff(1) has them. */
export const EXIT = { good: 0, bad: 1, trouble: 2 } as const;
