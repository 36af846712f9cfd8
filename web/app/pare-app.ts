/** The page: its layout, drag and drop, keys, tabs and the words for screen readers. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { setLanguage, language, t } from '../i18n/index.ts';
import { describeRecipe } from '../state/describe.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { TABS, type Metric, type Point, type State, type Tab } from '../state/types.ts';
import { Panel } from '../panels/panel.ts';
import type { Header } from '../panels/header.ts';
import { onKey } from './keys.ts';
import { base, tokens } from './styles.ts';
import '../panels/header.ts';
import '../panels/problems.ts';
import '../panels/recipe-panel.ts';
import '../panels/model-panel.ts';
import '../panels/layers-tab.ts';
import '../panels/graph-tab.ts';
import '../panels/weights-tab.ts';
import '../panels/errors-tab.ts';
import '../panels/profile-tab.ts';
import '../panels/runs-tab.ts';
import '../panels/help.ts';
import '../charts/graph-view.ts';
import '../charts/trade-off.ts';
import '../charts/layer-bars.ts';

export class PareApp extends Panel {
  static override styles = [
    tokens,
    base,
    css`
      :host { background: var(--bg); min-height: 100vh; padding: 8px 16px 16px; color-scheme: light dark; }
      :host([theme='light']) { color-scheme: light; }
      :host([theme='dark']) { color-scheme: dark; }
      .page { display: flex; flex-direction: column; gap: 8px; max-width: 1760px; margin: 0 auto; }
      main { display: grid; grid-template-columns: 320px minmax(0, 1fr) 272px; gap: 8px; align-items: stretch; }
      section { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 8px; min-width: 0; }
      .trade-off { min-height: 432px; }
      .tabs { padding: 0; }
      [role='tablist'] { display: flex; border-bottom: 1px solid var(--line); overflow-x: auto; }
      [role='tab'] { border: 0; background: none; border-radius: 0; padding: 6px 16px; border-bottom: 3px solid transparent; min-height: 36px; white-space: nowrap; }
      [role='tab'][aria-selected='true'] { border-bottom-color: var(--accent); font-weight: 600; }
      [role='tab'] .key { color: var(--muted); font-weight: 400; }
      [role='tabpanel'] { padding: 8px; min-height: 240px; }
      .filter { display: flex; gap: 8px; align-items: center; padding: 4px 8px 0; color: var(--muted); }
      .drop { position: fixed; inset: 0; z-index: 9; display: grid; place-items: center; font-size: 20px; line-height: 28px; background: color-mix(in srgb, var(--bg) 88%, transparent); border: 4px dashed var(--accent); pointer-events: none; }
      @media (max-width: 1180px) { main { grid-template-columns: 272px minmax(0, 1fr) 256px; } }
      @media (max-width: 960px) {
        main { grid-template-columns: minmax(0, 1fr); }
        :host { padding: 8px; }
        .trade-off { min-height: 480px; }
      }
      @media (prefers-reduced-motion: no-preference) { [role='tab'] { transition: border-color 120ms; } }
    `,
  ];
  #spoken = '';

  protected override watches(state: Readonly<State>): unknown[] {
    return [...super.watches(state), state.active?.finished];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    setLanguage(language());
    document.addEventListener('keydown', this.#key);
    window.addEventListener('hashchange', this.#hash);
    for (const type of ['dragenter', 'dragover', 'dragleave', 'drop'] as const) window.addEventListener(type, this.#drag);
    void app.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#key);
    window.removeEventListener('hashchange', this.#hash);
    for (const type of ['dragenter', 'dragover', 'dragleave', 'drop'] as const) window.removeEventListener(type, this.#drag);
  }

  #key = (event: KeyboardEvent) => onKey(event, () => (this.renderRoot.querySelector('pare-header') as Header).openFile());
  #describe = (point: Point): string => {
    if (point.run === '') return t('kind.original');
    const step = point.recipe.steps[point.index - 1];
    return step ? describeRecipe([step], this.state.facts?.passes ?? []) : point.step.describe;
  };

  #hash = () => app.readAddress();

  #drag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    if (event.type === 'drop') {
      app.store.set({ dragging: false });
      void app.openFiles([...event.dataTransfer.files]);
    } else if (event.type === 'dragleave') {
      if (event.relatedTarget === null) app.store.set({ dragging: false });
    } else if (!app.state.dragging) app.store.set({ dragging: true });
  };

  /** Said aloud: that a step or a run is finished, not every percent. */
  #words(): string {
    const { active, runs, problems, opening, points } = this.state;
    if (problems.length > 0 && !active) return this.#spoken;
    if (opening) this.#spoken = opening;
    else if (active?.measuring) this.#spoken = t('run.measuring');
    else if (active) this.#spoken = t('run.spoken', { i: active.finished, n: active.recipe.steps.length });
    else {
      const last = runs.at(-1);
      const point = points.find((p) => p.id === app.state.selected);
      const result = point ? `${format.percent(point.step.accuracy)}, ${format.bytes(point.step.file_bytes)}` : '';
      if (last) this.#spoken = `${t('run.number', { n: last.number })}: ${t(`state.${last.state}`)}. ${result}`;
      else if (result) this.#spoken = result;
    }
    return this.#spoken;
  }

  #tab(tab: Tab, index: number): TemplateResult {
    const selected = this.state.tab === tab;
    return html`<button role="tab" id="tab-${tab}" aria-selected=${selected} aria-controls="panel" tabindex=${selected ? 0 : -1}
      @click=${() => app.store.set({ tab })} @keydown=${(event: KeyboardEvent) => {
        const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
        const next = TABS[(index + step + TABS.length) % TABS.length];
        if (step === 0 || !next) return;
        app.store.set({ tab: next });
        void this.updateComplete.then(() => (this.renderRoot.querySelector(`#tab-${next}`) as HTMLElement).focus());
      }}>${t(`tab.${tab}`)} <span class="key" aria-hidden="true">${index + 1}</span></button>`;
  }

  #panel(): TemplateResult {
    switch (this.state.tab) {
      case 'layers':
        return html`<pare-layers></pare-layers>`;
      case 'graph':
        return html`<pare-graph-tab></pare-graph-tab>`;
      case 'weights':
        return html`<pare-weights></pare-weights>`;
      case 'errors':
        return html`<pare-errors></pare-errors>`;
      case 'profile':
        return html`<pare-profile-tab></pare-profile-tab>`;
      case 'runs':
        return html`<pare-runs></pare-runs>`;
    }
  }

  override updated(): void {
    const { theme } = this.state;
    if (theme === 'system') this.removeAttribute('theme');
    else this.setAttribute('theme', theme);
    document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
  }

  override render(): TemplateResult {
    const { points, selected, pinned, xAxis, yAxis, tab, layer, dragging } = this.state;
    return html`<div class="page">
      <pare-header></pare-header><pare-problems></pare-problems>
      <main>
        <section aria-label=${t('recipe.title')}><pare-recipe></pare-recipe></section>
        <section class="trade-off" aria-label=${t('chart.trade-off-short')}><pare-trade-off .points=${points} .selected=${selected} .pinned=${pinned} .describe=${this.#describe} .xAxis=${xAxis} .yAxis=${yAxis}
          @open-point=${(event: CustomEvent<string>) => app.select(event.detail)} @pin-point=${(event: CustomEvent<string>) => app.togglePin(event.detail)}
          @axis=${(event: CustomEvent<{ which: 'x' | 'y'; metric: Metric }>) =>
            app.store.set(
              event.detail.which === 'x' ? { xAxis: event.detail.metric } : { yAxis: event.detail.metric },
            )}></pare-trade-off></section>
        <section aria-label=${t('model.title')}><pare-model></pare-model></section>
      </main>
      <section class="tabs" aria-label=${t('tab.title')}>
        <div role="tablist" aria-label=${t('tab.title')}>${TABS.map((name, i) => this.#tab(name, i))}</div>
        ${layer ? html`<div class="filter">${t('layers.only', { name: layer })} <button class="quiet" @click=${() => app.store.set({ layer: '' })}>${t('layers.show-all')}</button></div>` : nothing}
        <div role="tabpanel" id="panel" aria-labelledby="tab-${tab}">${this.#panel()}</div>
      </section></div>
      <pare-help></pare-help>
      <div class="visually-hidden" role="status" aria-live="polite">${this.#words()}</div>
      ${dragging ? html`<div class="drop">${t('app.drop')}</div>` : nothing}`;
  }
}
customElements.define('pare-app', PareApp);
