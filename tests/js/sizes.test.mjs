/** The page and the core stay small to fetch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sizes } from '../../wasm/tools/sizes.mjs';

test('the page is at most 400 kB and every core at most 200 kB, compressed', () => {
  const found = sizes();
  const names = found.map(({ name }) => name).join('; ');
  assert.match(names, /page/);
  assert.match(names, /pare\.wasm/);
  assert.match(names, /pare-relaxed\.wasm/);
  for (const { name, bytes, limit } of found) assert.ok(bytes > 0 && bytes <= limit, `${name}: ${bytes} bytes, limit ${limit}`);
});
