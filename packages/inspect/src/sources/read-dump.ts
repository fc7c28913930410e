/** Reads a dump from text, and names where the text came from when it is none. */
import { type GraphDump, MusterError, parseGraphDump } from '@muster/contracts';
import { inspectError } from '../errors.ts';

/** @throws MusterError `NO_DUMP`. */
export function readDump(source: string, text: string): GraphDump {
  try {
    return parseGraphDump(text);
  } catch (error) {
    const { problem, path } = (error as MusterError).details as { problem: string; path: string };
    throw inspectError('NO_DUMP', { source, problem, path }, error);
  }
}
