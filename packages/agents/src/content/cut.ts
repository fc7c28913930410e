/** The beginning of a text, and how long it was. */
export function cut(whole: string, most: number): string {
  if (whole.length <= most) return whole;
  // Half of a pair of surrogates is no character.
  const end = /[\ud800-\udbff]/.test(whole.charAt(most - 1)) ? most - 1 : most;
  return `${whole.slice(0, Math.max(0, end))}… [cut: ${whole.length} characters in all]`;
}
