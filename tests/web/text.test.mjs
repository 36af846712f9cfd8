/** All text in both languages: the same keys, the same places for values, nothing left empty. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../web/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(`i18n/${name}.json`, folder), 'utf8'));
const [en, zh] = [read('en'), read('zh')];

test('English and Chinese have the same keys', () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
});

test('every text has the same places for values in both languages', () => {
  const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
  for (const key of Object.keys(en)) assert.deepEqual(places(zh[key]), places(en[key]), key);
});

test('no text is empty, and no Chinese text was left in English', () => {
  const same = new Set([
    'choice.adam',
    'choice.adamw',
    'choice.sgd',
    'column.sqnr',
    'param.alpha',
    'param.nesterov',
    'param.beta1',
    'param.beta2',
    'param.epsilon',
    'param.gamma',
  ]);
  for (const [key, value] of Object.entries(zh)) {
    assert.ok(value.trim() && en[key].trim(), key);
    assert.ok(value !== en[key] || same.has(key), `${key}: ${value}`);
  }
});

test('the page has no address of another place in its source', () => {
  const files = readdirSync(folder, { recursive: true }).filter(
    (name) => /\.(ts|html|css|json)$/.test(name) && !/node_modules|dist/.test(name),
  );
  assert.ok(files.length > 30);
  for (const name of files) {
    const found = readFileSync(new URL(name, folder), 'utf8').match(/https?:\/\/(?!www\.w3\.org)[\w.]+/g);
    assert.equal(found, null, name);
  }
});

test('every sentence that the core declares for its passes has its Chinese', (context) => {
  const program = new URL('../../build/native/pare', import.meta.url);
  if (!existsSync(program)) return context.skip('the native program is not built');
  const schema = JSON.parse(execFileSync(fileURLToPath(program), ['schema'], { encoding: 'utf8' }));
  const known = read('core.zh');
  const missing = [];
  for (const pass of Object.values(schema.$defs)) {
    const params = Object.entries(pass.properties).filter(([name]) => !['pass', 'name', 'seed'].includes(name));
    const sentences = [pass.title, pass.description, ...params.flatMap(([, p]) => [p.description, p['x-unit']])];
    missing.push(...sentences.filter((text) => text && !known[text]));
    for (const [name] of params) if (!en[`param.${name}`]) missing.push(`param.${name}`);
    for (const choice of params.flatMap(([, p]) => p.enum ?? [])) if (!en[`choice.${choice}`]) missing.push(`choice.${choice}`);
  }
  assert.deepEqual([...new Set(missing)], []);
});
