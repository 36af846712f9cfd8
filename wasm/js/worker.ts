/** For workers: the same as for pages, which a worker can fetch like one. */
export * from './browser.ts';
