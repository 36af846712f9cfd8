/** Runs kept over a reload: IndexedDB through idb. Where storage is not allowed (some private windows), they live as long as the page. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Point, RunRecord } from './types.ts';

export interface StoredModel {
  key: string;
  name: string;
  bytes: Uint8Array;
}

interface Schema extends DBSchema {
  points: { key: string; value: Point; indexes: { family: string } };
  runs: { key: string; value: RunRecord; indexes: { family: string } };
  models: { key: string; value: StoredModel };
}

export class RunArchive {
  #db: Promise<IDBPDatabase<Schema> | null>;
  readonly #memory = new Map<string, StoredModel>();

  constructor(name = 'pare') {
    this.#db = openDB<Schema>(name, 1, {
      upgrade(db) {
        db.createObjectStore('points', { keyPath: 'id' }).createIndex('family', 'family');
        db.createObjectStore('runs', { keyPath: 'id' }).createIndex('family', 'family');
        db.createObjectStore('models', { keyPath: 'key' });
      },
    }).catch(() => null);
  }

  async persistent(): Promise<boolean> {
    return (await this.#db) !== null;
  }

  /** False when it lives only as long as the page: browsers take no value of some hundred megabytes, and none beyond their quota. */
  async keepModel(model: StoredModel): Promise<boolean> {
    const db = await this.#db;
    try {
      await db?.put('models', model);
      if (db) return true;
    } catch {
      // kept below
    }
    this.#memory.set(model.key, model);
    return false;
  }

  async model(key: string): Promise<StoredModel | undefined> {
    return this.#memory.get(key) ?? (await this.#db)?.get('models', key);
  }

  async keepPoint(point: Point): Promise<void> {
    await (await this.#db)?.put('points', point);
  }

  async keepRun(run: RunRecord): Promise<void> {
    await (await this.#db)?.put('runs', run);
  }

  async family(family: string): Promise<{ points: Point[]; runs: RunRecord[] }> {
    const db = await this.#db;
    if (!db) return { points: [], runs: [] };
    const [points, runs] = await Promise.all([
      db.getAllFromIndex('points', 'family', family),
      db.getAllFromIndex('runs', 'family', family),
    ]);
    points.sort((a, b) => a.created - b.created || a.index - b.index);
    runs.sort((a, b) => a.created - b.created);
    return { points, runs };
  }

  /** Models are left: another family may use the same bytes; `sweep` takes out what nobody uses. */
  async forgetRun(run: string): Promise<void> {
    const db = await this.#db;
    if (!db) return;
    const transaction = db.transaction(['points', 'runs', 'models'], 'readwrite');
    const points = await transaction.objectStore('points').getAll();
    const used = new Set(points.filter((p) => p.run !== run).map((p) => p.modelKey));
    for (const point of points) {
      if (point.run !== run) continue;
      await transaction.objectStore('points').delete(point.id);
      if (!used.has(point.modelKey)) await transaction.objectStore('models').delete(point.modelKey);
    }
    await transaction.objectStore('runs').delete(run);
    await transaction.done;
  }
}
