/**
 * The recipe being edited: changes, undo and redo, and its life in the address. A recipe's parameters that equal the pass's default are
 * left out, so that an address stays short and says what was chosen.
 */
import type { ParamValue, PassInfo, Recipe, RecipeStep } from '../../wasm/js/types.ts';

export const FIRST_RECIPE: Recipe = {
  seed: 1,
  steps: [{ pass: 'prune', amount: 0.9 }, { pass: 'train', epochs: 1, learning_rate: 0.02 }, { pass: 'quantize' }],
};

const COALESCE_MS = 800;

/** A list of recipes with a place in it. Changes with the same `what` in quick succession (a slider being dragged) are one. */
export class RecipeHistory {
  #items: Recipe[];
  #at = 0;
  #lastWhat = '';
  #lastTime = 0;

  constructor(first: Recipe) {
    this.#items = [first];
  }

  get current(): Recipe {
    return this.#items[this.#at] as Recipe;
  }

  get canUndo(): boolean {
    return this.#at > 0;
  }

  get canRedo(): boolean {
    return this.#at < this.#items.length - 1;
  }

  push(recipe: Recipe, what = '', now = Date.now()): void {
    const same = what !== '' && what === this.#lastWhat && now - this.#lastTime < COALESCE_MS && this.#at > 0;
    this.#items = [...this.#items.slice(0, same ? this.#at : this.#at + 1), recipe];
    this.#at = this.#items.length - 1;
    this.#lastWhat = what;
    this.#lastTime = now;
  }

  undo(): void {
    if (this.canUndo) this.#at--;
    this.#lastWhat = '';
  }

  redo(): void {
    if (this.canRedo) this.#at++;
    this.#lastWhat = '';
  }
}

export function withParam(recipe: Recipe, index: number, pass: PassInfo | undefined, name: string, value: ParamValue | undefined): Recipe {
  const fallback = pass?.params.find((p) => p.name === name)?.default;
  const steps = recipe.steps.map((step, i) => {
    if (i !== index) return step;
    const { [name]: _old, ...rest } = step;
    const isDefault = value === undefined || (fallback !== undefined && JSON.stringify(value) === JSON.stringify(fallback));
    return (isDefault ? rest : { ...rest, [name]: value }) as RecipeStep;
  });
  return { ...recipe, steps };
}

export function withMoved(recipe: Recipe, from: number, to: number): Recipe {
  if (to < 0 || to >= recipe.steps.length || from === to) return recipe;
  const steps = [...recipe.steps];
  const [step] = steps.splice(from, 1);
  if (step) steps.splice(to, 0, step);
  return { ...recipe, steps };
}

export function withStep(recipe: Recipe, step: RecipeStep): Recipe {
  return { ...recipe, steps: [...recipe.steps, step] };
}

export function withoutStep(recipe: Recipe, index: number): Recipe {
  return { ...recipe, steps: recipe.steps.filter((_, i) => i !== index) };
}

/** Null unless `text` has the outer form of a recipe; the core checks the rest. */
export function parseRecipe(text: string): Recipe | null {
  try {
    const value = JSON.parse(text) as Recipe | { recipe?: Recipe };
    const recipe = 'recipe' in value && value.recipe ? value.recipe : (value as Recipe);
    if (!Array.isArray(recipe.steps)) return null;
    if (!recipe.steps.every((step) => typeof step === 'object' && step !== null && typeof step.pass === 'string')) return null;
    return recipe;
  } catch {
    return null;
  }
}

export interface Address {
  recipe: Recipe | null;
  model: string;
  data: string;
  test: number;
  train: number;
}

export function readAddress(hash: string): Address {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const text = params.get('recipe');
  const natural = (name: string) => Math.max(0, Math.floor(Number(params.get(name)) || 0));
  return {
    recipe: text ? parseRecipe(text) : null,
    model: params.get('model') ?? '',
    data: params.get('data') ?? '',
    test: natural('test'),
    train: natural('train'),
  };
}

export function writeAddress(address: Omit<Address, 'recipe'> & { recipe: Recipe }): string {
  const params = new URLSearchParams();
  if (address.model) params.set('model', address.model);
  if (address.data) params.set('data', address.data);
  if (address.test) params.set('test', String(address.test));
  if (address.train) params.set('train', String(address.train));
  params.set('recipe', JSON.stringify(address.recipe));
  return `#${params}`;
}
