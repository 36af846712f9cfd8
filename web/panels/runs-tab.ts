/** Every run of this network on this data: open, pin, use again, forget, go on; and two pinned ones side by side. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t, type Key } from '../i18n/index.ts';
import { describeRecipe } from '../state/describe.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import type { Metric, Point, RunRecord } from '../state/types.ts';
import { Panel } from './panel.ts';

const COMPARED: Metric[] = ['accuracy', 'loss', 'file_bytes', 'entropy_bytes', 'macs', 'effective_macs', 'latency_ms', 'peak_bytes'];

export class RunsTab extends Panel {
  static override styles = [
    base,
    css`
      :host { display: flex; flex-direction: column; gap: 16px; }
      td.what { white-space: normal; min-width: 200px; }
      tr.chosen { background: var(--raised); }
      td button { min-height: 24px; padding: 0 6px; }
      table.compare { width: auto; min-width: min(100%, 480px); }
      tr.run td { color: var(--muted); padding-top: 8px; }
    `,
  ];

  #compare(): TemplateResult | typeof nothing {
    const { pinned, points, facts } = this.state;
    const chosen = pinned.map((id) => points.find((p) => p.id === id)).filter((p): p is Point => p !== undefined);
    const [a, b] = chosen;
    if (!a) return html`<p class="muted">${t('runs.pin-hint')}</p>`;
    const title = (p: Point) =>
      p.run === '' ? p.label : `${p.label}: ${describeRecipe(p.recipe.steps.slice(p.index - 1, p.index), facts?.passes ?? [])}`;
    const difference = (m: Metric) =>
      !b ? '' : m === 'accuracy' ? format.points(b.step.accuracy, a.step.accuracy) : format.change(b.step[m], a.step[m]);
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t('runs.compare')}><table class="compare" id="compare"><thead><tr><th scope="col">${t('runs.compare')}</th><th scope="col" class="number">A · ${title(a)}</th>
        ${b ? html`<th scope="col" class="number">B · ${title(b)}</th><th scope="col" class="number">${t('runs.difference')}</th>` : nothing}</tr></thead>
      <tbody>${COMPARED.map(
        (m) => html`<tr><th scope="row">${t(`metric.${m}`)}</th><td class="number">${format.metric(m, a.step[m])}</td>
          ${b ? html`<td class="number">${format.metric(m, b.step[m])}</td><td class="number">${difference(m)}</td>` : nothing}</tr>`,
      )}</tbody></table></div>${b ? nothing : html`<p class="muted">${t('runs.pin-second')}</p>`}`;
  }

  #point(point: Point): TemplateResult {
    const { selected, pinned, facts } = this.state;
    const { step } = point;
    const what =
      point.run === '' ? t('kind.original') : describeRecipe(point.recipe.steps.slice(point.index - 1, point.index), facts?.passes ?? []);
    return html`<tr class=${point.id === selected ? 'chosen' : ''} data-point=${point.id}>
      <td>${point.label}</td><td class="what">${what}</td><td class="number">${format.percent(step.accuracy, 2)}</td><td class="number">${format.bytes(step.file_bytes)}</td>
      <td class="number">${format.count(step.macs)}</td><td class="number">${format.milliseconds(step.latency_ms)}</td>
      <td><button aria-pressed=${point.id === selected} @click=${() => app.select(point.id)}>${t('runs.open')}</button>
        <button aria-pressed=${pinned.includes(point.id)} @click=${() => app.togglePin(point.id)}>${pinned.includes(point.id) ? t('model.unpin') : t('model.pin')}</button></td></tr>`;
  }

  #run(run: RunRecord): TemplateResult {
    const { points, active } = this.state;
    const mine = points.filter((p) => p.run === run.id);
    const busy = active?.id === run.id;
    return html`<tr class="run" data-run=${run.id}><td colspan="6">${t('run.number', { n: run.number })} · ${t(`state.${run.state}` as Key)} · ${format.dateTime(run.created)} ·
        ${t('recipe.seed')} ${run.recipe.seed ?? 1}${run.message ? ` · ${run.message}` : ''}</td>
      <td>${run.checkpoint && !busy && run.state !== 'finished' ? html`<button ?disabled=${active !== null} @click=${() => void app.goOn(run)}>${t('runs.go-on')}</button>` : nothing}
        <button @click=${() => app.setRecipe(run.recipe)}>${t('save.use-recipe')}</button>
        <button ?disabled=${busy} @click=${() => void app.forgetRun(run.id)}>${t('runs.forget')}</button></td></tr>
      ${mine.map((p) => this.#point(p))}`;
  }

  override render(): TemplateResult {
    const { points, runs } = this.state;
    const original = app.original;
    if (points.length === 0) return html`<p class="muted">${t('tab.nothing')}</p>`;
    return html`${this.#compare()}
      <div class="scroll" tabindex="0" role="region" aria-label=${t('tab.runs')}><table id="runs"><thead><tr><th scope="col">${t('column.run')}</th><th scope="col">${t('column.what')}</th>
        <th scope="col" class="number">${t('metric.accuracy')}</th><th scope="col" class="number">${t('metric.file_bytes')}</th><th scope="col" class="number">MACs</th>
        <th scope="col" class="number">${t('metric.latency_ms')}</th><th scope="col">${t('column.do')}</th></tr></thead>
        <tbody>${original ? this.#point(original) : nothing}${[...runs].reverse().map((r) => this.#run(r))}</tbody></table></div>`;
  }
}
customElements.define('pare-runs', RunsTab);
