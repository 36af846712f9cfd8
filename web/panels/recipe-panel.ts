/** The recipe: steps that fold to one line, forms made from the passes' declarations, one obvious Run button, and the running state. */
import { css, html, nothing, type TemplateResult } from 'lit';
import type { ParamInfo, ParamValue, PassInfo, RecipeStep } from '../../wasm/js/types.ts';
import { base } from '../app/styles.ts';
import { said, t } from '../i18n/index.ts';
import { NETWORKS } from '../state/assets.ts';
import { describeStep } from '../state/describe.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { withMoved, withoutStep, withParam, withStep } from '../state/recipe.ts';
import type { State } from '../state/types.ts';
import { Panel } from './panel.ts';
import './param-field.ts';
import '../charts/live-line.ts';

/** These stay folded away: they are right as they are until somebody looks for them. */
const N_PLAIN_PARAMS = 4;

export class RecipePanel extends Panel {
  static override styles = [
    base,
    css`
      :host { display: flex; flex-direction: column; gap: 8px; min-height: 0; }
      ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 4px; }
      li { background: var(--raised); border: 1px solid var(--line); border-left: 4px solid var(--edge); border-radius: 4px; }
      li.prune { border-left-color: var(--c-prune); }
      li.train, li.init { border-left-color: var(--c-train); }
      li.distill { border-left-color: var(--c-distill); }
      li.quantize { border-left-color: var(--c-quantize); }
      li.over { border-top: 3px solid var(--accent); }
      .head { display: flex; align-items: stretch; }
      .head .fold { flex: 1; min-width: 0; text-align: left; border: 0; background: none; display: flex; gap: 8px; padding: 4px; }
      .fold .n { color: var(--muted); min-width: 12px; text-align: right; }
      .state { white-space: nowrap; color: var(--muted); }
      .form { padding: 4px 8px 8px; display: flex; flex-direction: column; gap: 8px; border-top: 1px solid var(--line); }
      .grip { cursor: grab; color: var(--muted); padding: 4px 2px 4px 6px; user-select: none; }
      .bar { height: 8px; border: 1px solid var(--edge); border-radius: 4px; overflow: hidden; background: var(--raised); }
      .bar > div { height: 100%; background: var(--accent); }
      .run { display: flex; gap: 8px; }
      .run .main { flex: 1; min-height: 36px; }
      .seed input { width: 76px; }
      .running { display: flex; flex-direction: column; gap: 4px; min-height: 44px; }
      details summary { cursor: pointer; color: var(--muted); }
      details > div { padding: 4px 0; display: flex; flex-direction: column; gap: 8px; }
      .limits { display: grid; grid-template-columns: 1fr 96px; gap: 4px 8px; align-items: center; }
      .limits input { text-align: right; width: 96px; }
    `,
  ];
  static override properties = { open: { state: true }, dragged: { state: true }, over: { state: true } };
  declare open: number;
  declare dragged: number;
  declare over: number;

  constructor() {
    super();
    this.open = -1;
    this.dragged = -1;
    this.over = -1;
  }

  protected override watches(state: Readonly<State>): unknown[] {
    return Object.values(state);
  }

  #pass(name: string): PassInfo | undefined {
    return this.state.facts?.passes.find((p) => p.name === name);
  }

  #move(from: number, to: number): void {
    const { recipe } = this.state;
    const moved = withMoved(recipe, from, to);
    if (moved === recipe) return;
    app.setRecipe(moved);
    if (this.open === from) this.open = to;
    void this.updateComplete.then(() => (this.renderRoot.querySelectorAll('.fold')[to] as HTMLElement | undefined)?.focus());
  }

  #stepKey(event: KeyboardEvent, index: number): void {
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      this.#move(index, index + (event.key === 'ArrowUp' ? -1 : 1));
    } else if (event.key === 'Delete') this.#remove(index);
  }

  #remove(index: number): void {
    app.setRecipe(withoutStep(this.state.recipe, index));
    this.open = -1;
    void this.updateComplete.then(() => (this.renderRoot.querySelector('#add') as HTMLElement | null)?.focus());
  }

  #form(step: RecipeStep, index: number): TemplateResult {
    const pass = this.#pass(step.pass);
    if (!pass) return html`<div class="form">${t('recipe.unknown-pass', { name: step.pass })}</div>`;
    const layers = this.state.model?.info.layers.filter((l) => l.parameters > 0).map((l) => l.name) ?? [];
    const models = [...NETWORKS, ...this.state.points.filter((p) => p.run !== '').map((p) => p.label)];
    const field = (param: ParamInfo) => html`<pare-param .param=${param} .value=${step[param.name]} .layers=${layers} .models=${models}
      @param=${(event: CustomEvent<{ name: string; value: ParamValue | undefined }>) =>
        app.setRecipe(
          withParam(this.state.recipe, index, pass, event.detail.name, event.detail.value),
          `${index}.${event.detail.name}`,
        )}></pare-param>`;
    const isPlain = (p: ParamInfo, i: number) => i < N_PLAIN_PARAMS || p.required || step[p.name] !== undefined;
    const plain = pass.params.filter(isPlain);
    const more = pass.params.filter((p, i) => !isPlain(p, i));
    return html`<div class="form"><p class="muted">${said(pass.help)}</p>${plain.map(field)}
      ${more.length > 0 ? html`<details><summary>${t('recipe.more', { n: more.length })}</summary><div>${more.map(field)}</div></details>` : nothing}</div>`;
  }

  #step(step: RecipeStep, index: number): TemplateResult {
    const { active } = this.state;
    const pass = this.#pass(step.pass);
    const isOpen = this.open === index;
    const running = active && !active.measuring;
    const mark = !running ? '' : index < active.finished ? '✓' : index === active.finished ? '…' : '';
    return html`<li class="${pass?.kind ?? ''} ${this.over === index ? 'over' : ''}" draggable=${isOpen ? 'false' : 'true'}
      @dragstart=${(event: DragEvent) => {
        this.dragged = index;
        event.dataTransfer?.setData('text/plain', String(index));
      }}
      @dragover=${(event: DragEvent) => {
        if (this.dragged < 0) return;
        event.preventDefault();
        this.over = index;
      }}
      @drop=${(event: DragEvent) => {
        if (this.dragged < 0) return;
        event.preventDefault();
        event.stopPropagation();
        this.#move(this.dragged, index);
      }}
      @dragend=${() => {
        this.dragged = -1;
        this.over = -1;
      }}>
      <div class="head"><span class="grip" aria-hidden="true">⠿</span>
        <button class="fold" aria-expanded=${isOpen} title=${t('recipe.fold-hint')} @click=${() => {
          this.open = isOpen ? -1 : index;
        }} @keydown=${(event: KeyboardEvent) => this.#stepKey(event, index)}>
          <span class="n">${index + 1}</span><span class="grow">${describeStep(step, pass)}</span><span class="state">${mark}</span></button>
        <button class="quiet" title=${t('recipe.remove')} aria-label=${t('recipe.remove-step', { n: index + 1 })} @click=${() => this.#remove(index)}>✕</button>
      </div>
      ${isOpen ? this.#form(step, index) : nothing}</li>`;
  }

  #running(): TemplateResult | typeof nothing {
    const { active } = this.state;
    if (!active) return nothing;
    const { progress } = active;
    const share = progress && progress.total > 0 ? progress.done / progress.total : 0;
    const [, stage = ''] = (progress?.stage ?? '').split(' ');
    const pass = this.#pass(stage);
    const where = active.measuring
      ? t('run.measuring')
      : t('run.step', {
          i: Math.min(active.finished + 1, active.recipe.steps.length),
          n: active.recipe.steps.length,
          what: pass ? said(pass.title) : stage,
        });
    const left =
      active.state === 'paused'
        ? t('run.paused')
        : active.secondsLeft === null
          ? ''
          : t('run.left', { time: format.duration(active.secondsLeft) });
    return html`<div class="running">
      <div class="row"><span class="grow">${where}</span><span class="number">${format.percent(share, 0)}</span></div>
      <div class="bar" role="progressbar" aria-label=${t('run.progress')} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(share * 100)}>
        <div style="width:${(share * 100).toFixed(1)}%"></div></div>
      <div class="muted">${left || html`&nbsp;`}</div>
      <pare-live-line .history=${active.history}></pare-live-line></div>`;
  }

  #limit(which: 'test' | 'train'): TemplateResult {
    const { limits, data, active } = this.state;
    const all = data?.info[`n_${which}`] ?? 0;
    return html`<label for=${which}>${t(`limit.${which}`)}</label>
      <input id=${which} type="number" min="0" max=${all} placeholder=${t('limit.all', { n: format.integer(all) })} ?disabled=${active !== null}
        .value=${limits[which] > 0 ? String(limits[which]) : ''} @change=${(event: Event) => {
          const value = Math.max(0, Math.floor(Number((event.target as HTMLInputElement).value) || 0));
          void app.setLimits(which === 'test' ? value : limits.test, which === 'train' ? value : limits.train);
        }} />`;
  }

  #buttons(): TemplateResult {
    const { active, model, recipe, facts } = this.state;
    if (active && !active.measuring) {
      return html`<div class="run"><button class="grow" id="pause" @click=${() => app.pause()}>${active.state === 'paused' ? t('run.resume') : t('run.pause')}</button>
        <button class="grow" id="cancel" @click=${() => app.cancel()}>${t('run.cancel')} <span class="muted">Esc</span></button></div>`;
    }
    const can = facts !== null && model !== null && recipe.steps.length > 0 && active === null;
    return html`<div class="run"><button class="main" id="run" ?disabled=${!can} @click=${() => void app.run()}>${t('run.run')}</button></div>`;
  }

  override render(): TemplateResult {
    const { recipe, facts, canUndo, canRedo } = this.state;
    return html`<div class="row"><h2 class="grow">${t('recipe.title')}</h2>
        <button class="quiet" ?disabled=${!canUndo} title="${t('recipe.undo')} (z)" aria-label=${t('recipe.undo')} @click=${() => app.undo()}>↶</button>
        <button class="quiet" ?disabled=${!canRedo} title="${t('recipe.redo')} (Shift+z)" aria-label=${t('recipe.redo')} @click=${() => app.redo()}>↷</button></div>
      ${recipe.steps.length === 0 ? html`<p class="muted">${t('recipe.empty')}</p>` : html`<ol>${recipe.steps.map((s, i) => this.#step(s, i))}</ol>`}
      <div class="row"><select id="add" class="grow" aria-label=${t('recipe.add')} ?disabled=${!facts} @change=${(event: Event) => {
        const select = event.target as HTMLSelectElement;
        if (select.value) {
          app.setRecipe(withStep(recipe, { pass: select.value }));
          this.open = recipe.steps.length;
        }
        select.value = '';
      }}><option value="">+ ${t('recipe.add')}</option>
        ${facts?.passes.map((p) => html`<option value=${p.name} title=${said(p.help)}>${said(p.title)}</option>`)}</select>
        <label class="row seed"><span class="muted">${t('recipe.seed')}</span><input type="number" min="0" max="4294967295" step="1" .value=${String(recipe.seed ?? 1)}
          @change=${(event: Event) => app.setRecipe({ ...recipe, seed: Math.max(0, Math.floor(Number((event.target as HTMLInputElement).value) || 0)) }, 'seed')} /></label></div>
      ${this.#buttons()}${this.#running()}
      <details><summary>${t('limit.title')}</summary><div class="limits">${this.#limit('test')}${this.#limit('train')}</div></details>`;
  }
}
customElements.define('pare-recipe', RecipePanel);
