/** What every panel is: drawn again when the store or the language changes. */
import { LitElement } from 'lit';
import { LanguageController } from '../i18n/index.ts';
import { app } from '../state/lab.ts';
import { StoreController } from '../state/store.ts';
import type { State } from '../state/types.ts';

export abstract class Panel extends LitElement {
  constructor() {
    super();
    new StoreController(this, app.store);
    new LanguageController(this);
  }

  protected get state(): Readonly<State> {
    return app.state;
  }
}
