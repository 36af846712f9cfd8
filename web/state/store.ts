/** The one store. Panels subscribe through StoreController and draw again when anything changed. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { State } from './types.ts';

export class Store {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor(initial: State) {
    this.#state = initial;
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export class StoreController implements ReactiveController {
  #stop: (() => void) | null = null;
  #seen: unknown[] = [];

  /** `watches`: what the host draws from. Progress comes ten times a second; only hosts that show it are drawn again for it. */
  constructor(
    readonly host: ReactiveControllerHost,
    readonly store: Store,
    readonly watches: (state: Readonly<State>) => unknown[],
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#stop = this.store.subscribe(() => {
      const now = this.watches(this.store.state);
      if (now.length === this.#seen.length && now.every((value, i) => value === this.#seen[i])) return;
      this.#seen = now;
      this.host.requestUpdate();
    });
  }

  hostDisconnected(): void {
    this.#stop?.();
  }
}
