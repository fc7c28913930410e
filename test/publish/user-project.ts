/**
 * A user's project: an empty directory outside the workspace, into which npm has installed the packed packages.
 *
 * What Node and npm find there comes from the tarballs or from a registry, never from the repository.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../journeys/process.ts';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const script = (name: string): Promise<unknown> => import(new URL(`../../scripts/${name}`, import.meta.url).href);

/** Every package that is published. */
export const { packages } = (await script('packages.mjs')) as {
  packages: readonly { readonly folder: string; readonly manifest: Manifest }[];
};

export const read = (file: string): string => readFileSync(file, 'utf8');
export const json = <T>(file: string): T => JSON.parse(read(file)) as T;

export const project = realpathSync(mkdtempSync(join(tmpdir(), 'muster-user-')));

/** Runs a program in the project, without what this environment may say to Node. */
export function run(file: string, args: readonly string[], { cwd = project, timeoutMs = 50_000 } = {}) {
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  return new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(file, args, { cwd, env, timeout: timeoutMs }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), output: stdout + stderr }),
    );
  });
}

/**
 * Packs everything and installs it; resolves to what npm says when it can reach no registry, else to nothing.
 *
 * @throws Error when the installation fails for another reason, and in CI for any reason.
 */
export async function install(): Promise<string | undefined> {
  const { pack } = (await script('pack.mjs')) as { readonly pack: (destination: string) => string[] };
  cpSync(join(root, 'test/publish/consumer'), project, { recursive: true });
  cpSync(join(root, 'examples/01-first-gate/main.ts'), join(project, 'first-gate.ts'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const what = [...pack(join(project, 'tarballs')), ...companions()];
  const mandatory = process.env['CI'] === 'true';
  let said = '';
  // From npm's cache when it has everything; else it may ask, and outside of CI gives up soon where there is no network.
  for (const how of [['--offline'], ['--prefer-offline', `--fetch-retries=${mandatory ? 2 : 0}`]]) {
    const args = ['install', ...how, '--no-audit', '--no-fund', ...what];
    const { code, output } = await run('npm', args, { timeoutMs: 300_000 });
    if (code === 0) return undefined;
    said = output;
  }
  if (!mandatory && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(said)) return said;
  throw new Error(`npm install failed:\n${said}`);
}

/** What a user installs beside Muster, in the versions that the repository has. */
function companions(): string[] {
  const known = [json<Manifest>(join(root, 'package.json')), ...packages.map(({ manifest }) => manifest)].map(
    ({ dependencies, devDependencies }) => ({ ...devDependencies, ...dependencies }),
  );
  return ['ws', 'valibot', 'ai', 'zod', '@types/node'].map((name) => {
    const version = known.find((each) => each[name] !== undefined)?.[name];
    return `${name}@${version}`;
  });
}

/** Where npm has unpacked a package. */
export const unpacked = (name: string): string => join(project, 'node_modules', name);

/** The paths of a package's own files, inside it. */
export function filesOf(name: string): string[] {
  return readdirSync(unpacked(name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(unpacked(name).length + 1))
    .filter((file) => !file.startsWith('node_modules/'))
    .sort();
}

/** Everything that a user can import. */
export const entries = packages.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {}).map((path) => `${manifest.name}${path.slice(1)}`),
);

/** What the compiler says, by file, and the files that it has read, those of its own library aside. */
export interface Compiled {
  readonly errors: Readonly<Record<string, readonly string[]>>;
  readonly files: readonly string[];
  /** The directory of what it has written. */
  readonly out: string;
}

/** Compiles `sources` (texts by file name) in the project with the compiler of the repository. */
export async function compile(
  name: string,
  options: object,
  sources: Readonly<Record<string, string>>,
): Promise<Compiled> {
  for (const [file, text] of Object.entries(sources)) writeFileSync(join(project, file), text);
  const config = join(project, `tsconfig.${name}.json`);
  const out = join(project, name);
  const compilerOptions = { ...options, listFiles: true, rootDir: project, outDir: out };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: Object.keys(sources) }));
  const { output } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config]);
  const errors: Record<string, string[]> = Object.fromEntries(Object.keys(sources).map((file) => [file, []]));
  const files: string[] = [];
  let about = 'elsewhere';
  for (const line of output.split('\n').filter((each) => each !== '')) {
    if (line.startsWith(project)) files.push(line);
    else if (!/^\/.*\/typescript\b.*\/lib[\w.]*\.d\.ts$/.test(line)) {
      // What is indented says more of the error before it.
      if (!line.startsWith(' ')) about = /^([^\s(]+)\(\d/.exec(line)?.[1] ?? 'elsewhere';
      (errors[about] ??= []).push(line);
    }
  }
  return { errors, files, out };
}
