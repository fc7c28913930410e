/** Tests on real nats-servers, where there is one. */
import { describe } from '@jest/globals';
import { natsBinary } from '../../../test/fixtures/nats-servers.ts';

const mandatory = process.env['CI'] === 'true';
if (natsBinary === undefined && !mandatory)
  console.warn(
    'Skipped: both ports on a real nats-server, because there is none. On Debian: apt-get install nats-server',
  );
/** With CI=true these fail where there is no nats-server. */
export const withNats = natsBinary === undefined && !mandatory ? describe.skip : describe;
