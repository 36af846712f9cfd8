/** What every panel is: drawn again when the store or the language changes. */
import { LitElement } from 'lit';
import { LanguageController } from '../i18n/index.ts';
import { app } from '../state/lab.ts';
import { StoreController } from '../state/store.ts';
import type { State } from '../state/types.ts';

export abstract class Panel extends LitElement {
  constructor() {
    super();
    new StoreController(this, app.store, (state) => this.watches(state));
    new LanguageController(this);
  }

  /** What this panel draws from: everything but the progress of a run, unless it says otherwise. */
  protected watches(state: Readonly<State>): unknown[] {
    const { active, ...rest } = state;
    return [active === null, active?.measuring, active?.state, ...Object.values(rest)];
  }

  protected get state(): Readonly<State> {
    return app.state;
  }
}
