/** Which export is taken for the app. */
import { describe, expect, it, jest } from '@jest/globals';
import { createApp } from '@muster/core';
import { conditionsOf } from '../src/entry/conditions.ts';
import { findApp, isApp } from '../src/entry/find-app.ts';
import { placeOf } from '../src/entry/thrown.ts';

const [app, other] = [createApp(), createApp()];
const makeApp = () => app;
const find = (exports: Readonly<Record<string, unknown>>, chosen?: string) => findApp('app.ts', exports, chosen);

describe('findApp', () => {
  it.each([
    ['the default export', { default: app, other }],
    ['the one named app', { app, other }],
    ['the only app, whatever it is called', { shop: app, port: 3000 }],
    ['one app under two names', { shop: app, again: app }],
    ['an app, also where a function could make one', { default: () => other, shop: app }],
    ['what a default function makes', { default: makeApp, helper: () => 1 }],
    ['what an asynchronous function makes', { default: async () => app }],
    ['what a promise leads to', { default: Promise.resolve(app) }],
    ['what createApp makes, before others', { createApp: makeApp, makeApp: () => other }],
    ['what the only function makes, whatever it is called', { chat: makeApp, port: 3000, Service: class {} }],
    ['an export of CommonJS', { default: { makeApp, port: 3000 }, 'module.exports': {} }],
    ['a CommonJS module that is the app', { default: app, 'module.exports': app }],
  ])('takes %s', async (_what, exports) => {
    expect(await find(exports)).toBe(app);
  });

  it('takes the export that was chosen, and no other', async () => {
    expect(await find({ default: other, shop: app }, 'shop')).toBe(app);
    expect(await find({ default: other, main: makeApp }, 'main')).toBe(app);
  });

  it.each([
    ['nothing', {}, 'ENTRY_WITHOUT_APP', { exports: [] }],
    ['values and classes', { port: 1, Shop: class {} }, 'ENTRY_WITHOUT_APP', { exports: ['port', 'Shop'] }],
    ['two apps', { shop: app, warehouse: other }, 'ENTRY_AMBIGUOUS', { candidates: ['shop', 'warehouse'] }],
    ['two functions', { b: makeApp, a: makeApp.bind(0) }, 'ENTRY_AMBIGUOUS', { candidates: ['a', 'b'] }],
    [
      'a function that makes nothing',
      { default: () => {} },
      'EXPORT_NO_APP',
      { got: 'a function that returns nothing' },
    ],
    ['a promise of a number', { default: Promise.resolve(7) }, 'EXPORT_NO_APP', { got: 'a promise of a number' }],
  ])('refuses %s', async (_what, exports, code, details) => {
    await expect(find(exports)).rejects.toMatchObject({ code, details });
  });

  it('refuses a choice that is no export or no app', async () => {
    await expect(find({ shop: app }, 'shpo')).rejects.toMatchObject({
      code: 'EXPORT_UNKNOWN',
      details: { near: ['shop'] },
    });
    await expect(find({ shop: app }, 'toString')).rejects.toMatchObject({ code: 'EXPORT_UNKNOWN' });
    await expect(find({ Shop: class Shop {} }, 'Shop')).rejects.toMatchObject({
      code: 'EXPORT_NO_APP',
      details: { got: 'the class Shop' },
    });
    await expect(find({ shop: new Map() }, 'shop')).rejects.toMatchObject({
      code: 'EXPORT_NO_APP',
      details: { got: 'an instance of Map' },
    });
  });

  it('calls no function while there is an app, and never one that says that it starts something', async () => {
    const called = jest.fn(makeApp);
    await find({ shop: app, createApp: called });
    await expect(find({ main: called, start: called })).rejects.toMatchObject({ code: 'ENTRY_WITHOUT_APP' });
    expect(called).not.toHaveBeenCalled();
  });

  it('says where a function threw, and passes on an error that says more than that', async () => {
    const broken = (): never => {
      throw new TypeError('port is not given.');
    };
    await expect(find({ default: broken })).rejects.toMatchObject({
      code: 'MAKER_FAILED',
      message: expect.stringMatching(
        /^default\(\) of app\.ts threw \(.*find-app\.test\.ts:\d+\): port is not given\.$/,
      ),
    });
    const refused = () => createApp({ boot: { budgetMs: -1 } });
    await expect(find({ default: refused })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  it('knows an app by what it can do, because it may come from another copy of core', () => {
    const alike = { state: 'new', events: { on() {} }, graph() {}, start() {}, stop() {} };
    expect([app, alike].map(isApp)).toEqual([true, true]);
    const lacking = { ...alike, stop: undefined };
    expect([lacking, null, undefined, 7, 'app', () => app, {}].some(isApp)).toBe(false);
  });
});

describe('placeOf', () => {
  it('prefers code of the user to that of packages and of Node', () => {
    const stack = (...lines: string[]): Error =>
      Object.assign(new Error('x'), { stack: `Error: x\n${lines.join('\n')}` });
    const here = process.cwd();
    const library = '    at connect (/far/node_modules/pg/lib/client.js:12:3)';
    expect(placeOf(stack(library, `    at new Shop (${here}/src/shop.ts:7:11)`))).toBe('src/shop.ts:7');
    expect(placeOf(stack(`    at async file://${here}/src/a%20shop.ts:7:11`))).toBe('src/a shop.ts:7');
    expect(placeOf(stack(library))).toBe('/far/node_modules/pg/lib/client.js:12');
    expect(placeOf(stack('    at node:internal/process:1:1'))).toBe(null);
    expect(placeOf(Object.assign(new SyntaxError('x'), { stack: `file://${here}/a.mjs:3\nlet let;\n` }))).toBe(
      'a.mjs:3',
    );
    expect(placeOf('no error')).toBe(null);
  });
});

describe('conditionsOf', () => {
  it('reads every way in which Node takes conditions', () => {
    expect(conditionsOf(['--conditions=a', '-C', 'b', '--conditions', 'c', '--inspect'], undefined)).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(conditionsOf(['-C=d'], '--enable-source-maps --conditions=@muster/source  -C "with space"')).toEqual([
      '@muster/source',
      'with space',
      'd',
    ]);
    expect(conditionsOf(['--conditions'], '')).toEqual([]);
  });
});
