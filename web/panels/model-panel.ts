/** The chosen network: what it costs and how well it answers, each with the change against the original; and taking it away. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { said, t } from '../i18n/index.ts';
import { describeRecipe } from '../state/describe.ts';
import { download } from '../state/download.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import type { Point } from '../state/types.ts';
import { Panel } from './panel.ts';

interface Line {
  title: string;
  value: string;
  change: string;
  note?: string;
}

export class ModelPanel extends Panel {
  static override styles = [
    base,
    css`
      :host { display: flex; flex-direction: column; gap: 8px; }
      dl { margin: 0; display: grid; grid-template-columns: minmax(0, 1fr) auto minmax(48px, auto); gap: 0 8px; }
      dl > div { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; border-bottom: 1px solid var(--line); padding: 4px 0; align-items: baseline; }
      dt { color: var(--muted); }
      dd { margin: 0; text-align: right; white-space: nowrap; }
      dd.change { color: var(--muted); }
      .big dd.value { font-size: 20px; line-height: 24px; }
      @media (max-width: 1180px) { .big dd.value { font-size: 16px; } }
      .name { overflow: hidden; text-overflow: ellipsis; }
      .save { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
      .save button { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
      .warning { color: var(--bad); font-size: 12px; line-height: 16px; }
      details summary { cursor: pointer; color: var(--muted); }
      details td { white-space: normal; padding: 2px 4px; font-size: 12px; line-height: 16px; vertical-align: top; }
      .note { color: var(--muted); font-size: 12px; line-height: 16px; }
    `,
  ];

  #lines(point: Point, original: Point | undefined): Line[] {
    const now = point.step;
    const before = original && original !== point ? original.step : null;
    const against = (a: number | null, b: number | null | undefined) => (before ? format.change(a, b) : '');
    return [
      {
        title: t('metric.accuracy'),
        value: format.percent(now.accuracy, 2),
        change: before ? format.points(now.accuracy, before.accuracy) : '',
      },
      { title: t('metric.loss'), value: format.decimal(now.loss, 4), change: against(now.loss, before?.loss) },
      { title: t('metric.file_bytes'), value: format.bytes(now.file_bytes), change: against(now.file_bytes, before?.file_bytes) },
      {
        title: t('metric.entropy_bytes'),
        value: format.bytes(now.entropy_bytes),
        change: against(now.entropy_bytes, before?.entropy_bytes),
        note: t('note.entropy'),
      },
      { title: t('metric.parameters'), value: format.count(now.parameters), change: against(now.parameters, before?.parameters) },
      { title: t('metric.nonzeros'), value: format.count(now.nonzeros), change: against(now.nonzeros, before?.nonzeros) },
      { title: t('metric.macs'), value: format.count(now.macs), change: against(now.macs, before?.macs) },
      {
        title: t('metric.effective_macs'),
        value: format.count(now.effective_macs),
        change: against(now.effective_macs, before?.effective_macs),
      },
      {
        title: t('metric.latency_ms'),
        value: format.milliseconds(now.latency_ms),
        change: against(now.latency_ms, before?.latency_ms),
        note: t('note.latency', { build: point.build }),
      },
      { title: t('metric.peak_bytes'), value: format.bytes(now.peak_bytes), change: against(now.peak_bytes, before?.peak_bytes) },
    ];
  }

  /** A sparse network is not a fast one: say so where somebody would expect it. */
  #honesty(point: Point, original: Point | undefined): TemplateResult | typeof nothing {
    const { step } = point;
    const sparse = step.parameters > 0 && step.nonzeros < step.parameters * 0.7;
    const faster = original?.step.latency_ms && step.latency_ms && step.latency_ms < original.step.latency_ms * 0.9;
    const sameMacs = original && step.macs >= original.step.macs * 0.99;
    return sparse && sameMacs && !faster ? html`<p class="note">${t('note.sparse')}</p>` : nothing;
  }

  /** Of a network that cannot run: why, what can be done with it all the same, what cannot. */
  #limits(): TemplateResult | typeof nothing {
    const { model, facts } = this.state;
    if (!model || model.info.runs) return nothing;
    const titles = (names: string[]) =>
      (facts?.passes ?? []).filter(({ name }) => names.includes(name)).map(({ title }) => said(title).toLocaleLowerCase());
    const { problem, possible, impossible } = model.info;
    return html`<p class="warning" id="limits">${t('model.not-running', { why: problem ?? '' })}</p>
      <p class="note">${t('model.still', { passes: titles(possible).join(', ') })}</p>
      <p class="note">${t('model.not-without', { passes: titles(impossible).join(', ') })}</p>`;
  }

  /** What the pass itself had to say: its warning in the open, its numbers folded. */
  #details(point: Point): TemplateResult | typeof nothing {
    const { seconds, details } = point.step;
    const { warning, ...rest } = details;
    const plain = Object.entries(rest).filter((entry): entry is [string, string | number | boolean] =>
      ['string', 'number', 'boolean'].includes(typeof entry[1]),
    );
    const write = (value: string | number | boolean) => (typeof value === 'number' ? format.significant(value, 6) : said(String(value)));
    if (plain.length === 0 && !warning) return nothing;
    return html`${typeof warning === 'string' ? html`<p class="warning">${said(warning)}</p>` : nothing}
      <details><summary>${t('model.details')}</summary><table><tbody>
        ${seconds ? html`<tr><td>${t('column.time')}</td><td class="number">${format.duration(seconds)}</td></tr>` : nothing}
        ${plain.map(([name, value]) => html`<tr><td>${name.replaceAll('_', ' ')}</td><td class=${typeof value === 'number' ? 'number' : 'words'}>${write(value)}</td></tr>`)}</tbody></table></details>`;
  }

  async #saveOnnx(point: Point): Promise<void> {
    const bytes = await app.modelBytes(point);
    if (bytes) download(`${this.#fileName(point)}.onnx`, bytes);
    else app.problem('problem.save', point.label, new Error(t('why.no-bytes')));
  }

  #fileName(point: Point): string {
    const name = app.state.model?.name ?? 'model';
    return point.run === '' ? name : `${name}-${point.label}`;
  }

  override render(): TemplateResult {
    const { facts, opening, active, pinned, model } = this.state;
    const point = app.selected;
    const original = app.original;
    if (!point) {
      return html`<h2>${t('model.title')}</h2><p class="muted">${opening || (active ? t('run.measuring') : model ? t('model.unmeasured', { name: model.name }) : t('model.none'))}</p>`;
    }
    const passes = facts?.passes ?? [];
    const made = point.run === '' ? t('kind.original') : describeRecipe(point.recipe.steps.slice(0, point.index), passes);
    const isPinned = pinned.includes(point.id);
    return html`<div class="row"><h2 class="grow name">${t('model.title')}: ${point.label}</h2>
        <button class="quiet" id="pin" aria-pressed=${isPinned} title="${t('model.pin-hint')} (p)" @click=${() => app.togglePin(point.id)}>${isPinned ? t('model.unpin') : t('model.pin')}</button></div>
      <p class="muted">${made}</p>
      <dl>${this.#lines(point, original).map(
        (line, i) =>
          html`<div class=${i === 0 ? 'big' : ''} title=${line.note ?? nothing}><dt>${line.title}</dt><dd class="value">${line.value}</dd><dd class="change">${line.change}</dd></div>`,
      )}</dl>
      ${this.#limits()}${this.#honesty(point, original)}
      ${point.step.total ? html`<p class="note">${t('note.measured', { build: point.build, n: format.integer(point.step.total) })}</p>` : nothing}
      ${this.#details(point)}
      <div class="save">
        <button id="save-onnx" @click=${() => void this.#saveOnnx(point)}>${t('save.onnx')}</button>
        <button id="save-report" @click=${() => download(`${this.#fileName(point)}-report.json`, JSON.stringify(app.reportOf(point), null, 1), 'application/json')}>${t('save.report')}</button>
        <button id="save-recipe" ?disabled=${point.run === ''} @click=${() => download('recipe.json', `${JSON.stringify(point.recipe, null, 1)}\n`, 'application/json')}>${t('save.recipe')}</button>
        <button id="use-recipe" ?disabled=${point.run === ''} @click=${() => app.setRecipe(point.recipe)}>${t('save.use-recipe')}</button>
      </div>`;
  }
}
customElements.define('pare-model', ModelPanel);
