/** The list of keys. */
import { css, html, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t, type Key } from '../i18n/index.ts';
import { app } from '../state/lab.ts';
import { Panel } from './panel.ts';

const KEYS: [string, Key][] = [
  ['o', 'help.open'],
  ['r', 'help.run'],
  ['Esc', 'help.cancel'],
  ['z', 'help.undo'],
  ['Shift+z', 'help.redo'],
  ['1 … 5', 'help.tabs'],
  ['p', 'help.pin'],
  ['t', 'help.table'],
  ['Alt+↑ Alt+↓', 'help.move'],
  ['?', 'help.help'],
];

export class Help extends Panel {
  static override styles = [
    base,
    css`
      dialog { border: 1px solid var(--edge); border-radius: 4px; padding: 16px; max-width: min(480px, 92vw); background: var(--bg); color: var(--ink); }
      dialog::backdrop { background: rgb(0 0 0 / 40%); }
      dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 8px 0 16px; }
      dt { white-space: nowrap; }
      dd { margin: 0; }
      kbd { font: inherit; border: 1px solid var(--edge); border-radius: 4px; padding: 0 6px; background: var(--raised); }
    `,
  ];

  override updated(): void {
    const dialog = this.renderRoot.querySelector('dialog');
    if (!dialog) return;
    if (this.state.help && !dialog.open) dialog.showModal();
    if (!this.state.help && dialog.open) dialog.close();
  }

  override render(): TemplateResult {
    const close = () => app.store.set({ help: false });
    return html`<dialog aria-label=${t('help.title')} @close=${close} @cancel=${close}><h2>${t('help.title')}</h2>
      <dl>${KEYS.map(([key, what]) => html`<dt>${key.split(' ').map((k) => (k === '…' ? ' … ' : html`<kbd>${k}</kbd> `))}</dt><dd>${t(what)}</dd>`)}</dl>
      <p class="muted">${t('help.about', { version: this.state.facts?.version ?? '', build: this.state.facts?.build ?? '' })}</p>
      <p><button id="close-help" @click=${close}>${t('help.close')}</button></p></dialog>`;
  }
}
customElements.define('pare-help', Help);
