/** Whether a health, as the dump has it, is one about which nothing has to be done: a service without a check is taken at its word. */
export function isWell(health: string | undefined): boolean {
  return health === 'healthy' || health === 'unchecked';
}
