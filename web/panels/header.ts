/** The top line: which network, which data, language, theme, whether the page works offline, help. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { language, setLanguage, t } from '../i18n/index.ts';
import { DATA_SETS, NETWORKS } from '../state/assets.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import type { Theme } from '../state/types.ts';
import { Panel } from './panel.ts';

export class Header extends Panel {
  static override styles = [
    base,
    css`
      :host { display: block; }
      header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
      h1 { font-size: 16px; line-height: 24px; margin: 0; font-weight: 600; }
      label { display: inline-flex; gap: 4px; align-items: center; color: var(--muted); }
      label select { color: var(--ink); max-width: 232px; }
      .facts { color: var(--muted); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; flex: 1 1 80px; min-width: 80px; }
      @media (max-width: 1180px) { label select { max-width: 152px; } header { gap: 8px; } }
      input[type='file'] { display: none; }
      .end { display: flex; gap: 4px 8px; align-items: center; flex-wrap: wrap; }
    `,
  ];

  openFile(): void {
    (this.renderRoot.querySelector('#file') as HTMLInputElement).click();
  }

  #facts(): string {
    const { model, data, opening } = this.state;
    if (opening) return opening;
    const parts: string[] = [];
    if (model)
      parts.push(
        t('header.model', { input: model.info.inputs.map((i) => format.shape(i.shape)).join(', '), size: format.bytes(model.fileBytes) }),
      );
    if (data)
      parts.push(
        t('header.data', {
          train: format.integer(data.info.n_train),
          test: format.integer(data.info.n_test),
          classes: data.info.n_classes,
        }),
      );
    return parts.join(' · ');
  }

  override render(): TemplateResult {
    const { model, data, modelId, dataId, theme, offline, active } = this.state;
    const busy = active !== null && !active.measuring;
    return html`<header><h1>Pare</h1>
      <label>${t('header.network')}<select id="network" ?disabled=${busy} @change=${(event: Event) => void app.openBundled((event.target as HTMLSelectElement).value, null)}>
        ${modelId === '' && model ? html`<option value="" selected>${model.name}</option>` : nothing}
        ${NETWORKS.map((name) => html`<option value=${name} ?selected=${name === modelId}>${name}</option>`)}</select></label>
      <label>${t('header.dataset')}<select id="dataset" ?disabled=${busy} @change=${(event: Event) => void app.openBundled(null, (event.target as HTMLSelectElement).value)}>
        ${dataId === '' && data ? html`<option value="" selected>${data.name}</option>` : nothing}
        ${DATA_SETS.map((set) => html`<option value=${set.id} ?selected=${set.id === dataId}>${t(set.title)}</option>`)}</select></label>
      <button id="open" title=${t('header.open-hint')} @click=${() => this.openFile()}>${t('header.open')}</button>
      <input id="file" type="file" multiple tabindex="-1" aria-hidden="true" @change=${(event: Event) => {
        const input = event.target as HTMLInputElement;
        void app.openFiles([...(input.files ?? [])]);
        input.value = '';
      }} />
      <span class="facts" title=${this.#facts()}>${this.#facts()}</span>
      <span class="end">
        ${offline === 'no' ? nothing : html`<span class="muted" title=${t('header.offline-hint')}>✓ ${t('header.offline')}</span>`}
        <button id="language" class="quiet" lang=${language() === 'en' ? 'zh-CN' : 'en'} @click=${() => setLanguage(language() === 'en' ? 'zh' : 'en')}>${language() === 'en' ? '中文' : 'English'}</button>
        <select id="theme" aria-label=${t('header.theme')} @change=${(event: Event) => app.setTheme((event.target as HTMLSelectElement).value as Theme)}>
          ${(['system', 'light', 'dark'] as Theme[]).map((name) => html`<option value=${name} ?selected=${name === theme}>${t(`theme.${name}`)}</option>`)}</select>
        <button id="help" class="quiet" title="${t('help.title')} (?)" aria-label=${t('help.title')} @click=${() => app.store.set({ help: true })}>?</button>
      </span></header>`;
  }
}
customElements.define('pare-header', Header);
