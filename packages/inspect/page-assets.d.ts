/** The built files of the page, by name; for the inspector itself, and no public API. */
export declare const assets: Readonly<Record<string, string>>;
