/** Connections and strangers by address: as if each were counted when it comes, although nobody is asked before that matters. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import { type Caller, Callers } from '../src/callers.ts';
import { LIMIT_DEFAULTS, type Limits } from '../src/connection/limits.ts';

const limitsOf = (connectionsPerAddress: number, unauthenticatedPerAddress: number): Limits => ({
  ...LIMIT_DEFAULTS,
  connectionsPerAddress,
  unauthenticatedPerAddress,
});

/** A request whose peer tells how often it was asked. */
function requestFrom(address: string) {
  const asked = { times: 0 };
  const socket = {
    get remoteAddress() {
      asked.times += 1;
      return address;
    },
  };
  return { request: { socket, headers: {} } as unknown as IncomingMessage, asked };
}

it('asks no peer for its address while none can be at a limit', () => {
  const callers = new Callers(limitsOf(3, 2), 0);
  const first = requestFrom('1.2.3.4');
  expect(callers.isTooMany(first.request)).toBe(false);
  const caller = callers.came(first.request);
  callers.known(caller);
  const second = requestFrom('1.2.3.4');
  expect(callers.isTooMany(second.request)).toBe(false);
  callers.came(second.request);
  expect([first.asked.times, second.asked.times]).toEqual([0, 0]);
  callers.came(requestFrom('1.2.3.4').request);
  // Two strangers could be of one address, and are.
  expect(callers.isTooMany(requestFrom('1.2.3.4').request)).toBe(true);
  expect(callers.isTooMany(requestFrom('1.2.3.5').request)).toBe(false);
  expect([first.asked.times, second.asked.times]).toEqual([1, 1]);
});

it('counts nobody as a stranger who was known before anybody was asked', () => {
  const callers = new Callers(limitsOf(9, 2), 0);
  callers.known(callers.came(requestFrom('1.2.3.4').request));
  callers.came(requestFrom('1.2.3.4').request);
  callers.came(requestFrom('1.2.3.5').request);
  expect(callers.isTooMany(requestFrom('1.2.3.4').request)).toBe(false);
});

it('counts as if each were counted when it comes', () => {
  interface Here {
    readonly address: string;
    readonly caller: Caller;
    isStranger: boolean;
  }
  const step = fc.oneof(
    fc.record({ do: fc.constant('come' as const), address: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ do: fc.constantFrom('known' as const, 'left' as const), at: fc.nat(3) }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 40 }),
      (most, strangers, steps) => {
        const callers = new Callers(limitsOf(most, strangers), 0);
        const here: Here[] = [];
        for (const each of steps) {
          if (each.do === 'come') {
            const { address } = each;
            const { request } = requestFrom(address);
            const ofAddress = here.filter((one) => one.address === address);
            const isTooMany =
              ofAddress.length >= most || ofAddress.filter(({ isStranger }) => isStranger).length >= strangers;
            expect(callers.isTooMany(request)).toBe(isTooMany);
            if (!isTooMany) here.push({ address, caller: callers.came(request), isStranger: true });
          } else {
            const one = here[each.at];
            if (one === undefined) continue;
            if (each.do === 'known') {
              callers.known(one.caller);
              one.isStranger = false;
            } else {
              callers.left(one.caller);
              here.splice(each.at, 1);
            }
          }
          expect(callers.strangers).toBe(here.filter(({ isStranger }) => isStranger).length);
        }
      },
    ),
  );
});
