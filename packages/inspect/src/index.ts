/** What can be imported of the command line: the errors that it ends with. The command itself is `bin/muster.js`. */
export { INSPECT_ERRORS } from './errors.ts';
