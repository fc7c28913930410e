/** States of connections in the order of a connection's life, each with its colour, a class of style/views.css. */
export const STATES: readonly (readonly [string, string])[] = [
  ['connecting', 'hue-idle'],
  ['accepted', 'hue-idle'],
  ['authenticating', 'hue-idle'],
  ['gated', 'hue-held'],
  ['syncing', 'hue-busy'],
  ['ready', 'hue-good'],
  ['degraded', 'hue-warn'],
  ['draining', 'hue-drain'],
  ['closing', 'hue-idle'],
];
