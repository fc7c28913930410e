/**
 * The files of the live page, as `scripts/inspect-page.mjs` builds them: for the command line alone.
 *
 * Not public: names and contents change without notice.
 */
export declare const assets: Readonly<Record<'index.html' | 'page.js' | 'page.css' | 'icon.svg', string>>;
