/** Which answers are wrong, before and after, and the very pictures whose answer changed. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t } from '../i18n/index.ts';
import type { ChangedSample, Changes } from '../lab/api.ts';
import { DATA_SETS } from '../state/assets.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { Panel } from './panel.ts';
import '../charts/confusion.ts';
import './sample-picture.ts';

const SHOWN = 24;

export class ErrorsTab extends Panel {
  static override styles = [
    base,
    css`
      :host { display: flex; flex-direction: column; gap: 16px; }
      .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); gap: 16px; }
      .pair > * { max-width: 640px; min-width: 0; }
      ul { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(176px, 1fr)); gap: 8px; }
      li { display: flex; gap: 8px; border: 1px solid var(--line); border-radius: 4px; padding: 4px; background: var(--raised); min-width: 0; }
      li div { min-width: 0; }
      li div > div { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .good { color: var(--good); }
      .bad { color: var(--bad); }
    `,
  ];
  static override properties = { changes: { state: true }, busy: { state: true } };
  declare changes: Changes | null;
  declare busy: boolean;
  #shown = '';

  constructor() {
    super();
    this.changes = null;
    this.busy = false;
  }

  override willUpdate(): void {
    const { selected, original } = app;
    const { data, limits, active } = this.state;
    if (!selected || !original || !data || selected === original) {
      this.changes = null;
      this.#shown = '';
      return;
    }
    const wanted = `${original.modelKey}|${selected.modelKey}|${data.key}|${limits.test}`;
    // While a recipe runs, evaluating two more networks would slow both; it waits.
    if (wanted === this.#shown || active) return;
    this.#shown = wanted;
    void this.#load(wanted);
  }

  async #load(wanted: string): Promise<void> {
    const { selected, original } = app;
    const { data, limits } = this.state;
    if (!selected || !original || !data) return;
    this.busy = true;
    try {
      const changes = await app.withModel(original.modelKey, () =>
        app.withModel(selected.modelKey, () => app.client.changes(original.modelKey, selected.modelKey, data.key, limits.test, SHOWN)),
      );
      if (wanted === this.#shown) this.changes = changes;
    } catch (error) {
      app.problem('problem.errors', selected.label, error);
    } finally {
      this.busy = false;
    }
  }

  /** The page knows the names of the data that comes with it; files name only numbers. */
  #classes(): string[] | null {
    const names = DATA_SETS.find((set) => set.id === this.state.dataId)?.classes;
    return names ? t(names).split('|') : (this.state.data?.info.class_names ?? null);
  }

  #class(i: number): string {
    return this.#classes()?.[i] ?? String(i);
  }

  #sample(sample: ChangedSample, shape: number[]): TemplateResult {
    const mark = (answer: number) => (answer === sample.label ? html`<span class="good">✓</span>` : html`<span class="bad">✗</span>`);
    return html`<li>
      <pare-picture .pixels=${sample.pixels} .shape=${shape} .words=${t('errors.picture', { n: sample.index, name: this.#class(sample.label) })}></pare-picture>
      <div class="grow"><div title=${this.#class(sample.label)}>${t('errors.is', { name: this.#class(sample.label) })}</div>
        <div>${mark(sample.before)} ${t('errors.said-before', { name: this.#class(sample.before) })}</div>
        <div>${mark(sample.after)} ${t('errors.said-after', { name: this.#class(sample.after) })}</div></div></li>`;
  }

  #changed(): TemplateResult {
    const { changes } = this;
    if (!changes)
      return html`<p class="muted">${this.busy ? t('errors.comparing') : this.state.active ? t('errors.waiting') : t('errors.choose')}</p>`;
    if (changes.changed === 0) return html`<p class="muted">${t('errors.none', { n: format.integer(changes.total) })}</p>`;
    return html`<p>${t('errors.summary', {
      n: format.integer(changes.changed),
      total: format.integer(changes.total),
      mended: format.integer(changes.mended),
      broken: format.integer(changes.broken),
    })} ${changes.changed > changes.samples.length ? t('errors.first', { n: changes.samples.length }) : nothing}</p>
      <ul>${changes.samples.map((s) => this.#sample(s, changes.shape))}</ul>`;
  }

  override render(): TemplateResult {
    const { selected, original } = app;
    if (!selected) return html`<p class="muted">${t('tab.nothing')}</p>`;
    const classes = this.#classes();
    const compared = original !== undefined && original !== selected;
    return html`<div class="pair">
        ${compared ? html`<pare-confusion .matrix=${original.step.confusion} .classes=${classes} .name=${`${t('chart.before')} (${original.label})`}></pare-confusion>` : nothing}
        <pare-confusion .matrix=${selected.step.confusion} .classes=${classes} .name=${compared ? `${t('chart.after')} (${selected.label})` : selected.label}></pare-confusion></div>
      <h3>${t('errors.title')}</h3>${this.#changed()}`;
  }
}
customElements.define('pare-errors', ErrorsTab);
