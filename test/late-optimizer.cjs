/**
 * Lets V8 optimize later, in every process of the tests: most of them live for a second, and of what a command took a fifth
 * was the optimizer at work on what never ran again. Newer versions of Node have a cheaper one for that, and not this flag.
 */
if (process.version.startsWith('v20.')) require('node:v8').setFlagsFromString('--interrupt-budget=1000000');
