/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

/** Tests run the sources of every workspace directly, as ES modules, on real sockets and processes. */
const config: Config = {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/global-setup.mjs',
  reporters: ['default', ...(process.env['CI'] === 'true' ? ['<rootDir>/test/no-skips.mjs'] : [])],
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@muster/source', 'node', 'node-addons'] },
  transform: {
    '\\.ts$': [
      '<rootDir>/test/mutant-transform.mjs',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Whatever `npm run check` runs: packages as they are published.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/publish/'],
  modulePathIgnorePatterns: ['/dist/'],
  // What a suite has loaded stays in its worker, and makes each collection of garbage after it dearer.
  workerIdleMemoryLimit: '400MB',
  // On two cores many suites wait for processes and sockets, which a third worker makes use of.
  maxWorkers: 3,
};

export default config;
