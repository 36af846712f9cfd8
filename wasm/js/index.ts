/** What every entry gives; conditions in package.json choose the one that fits. */
export * from './browser.ts';
