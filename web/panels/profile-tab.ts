/** Where the time of one answer goes, by operator, slowest first; and the trace file. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t } from '../i18n/index.ts';
import { download } from '../state/download.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { chromeTrace, timeByOperator } from '../state/layers.ts';
import type { Point } from '../state/types.ts';
import { Panel } from './panel.ts';
import '../charts/profile.ts';

export class ProfileTab extends Panel {
  static override styles = [
    base,
    css`
      :host { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 16px; align-items: start; }
      .side { display: flex; flex-direction: column; gap: 8px; min-width: 0; }
    `,
  ];

  override render(): TemplateResult {
    const point = app.selected;
    if (!point) return html`<p class="muted">${t('tab.nothing')}</p>`;
    const original = app.original;
    const compared = original !== undefined && original !== point;
    const { layer } = this.state;
    const chosen = (p: Point) => (layer ? p.step.layers.filter((l) => l.name === layer) : p.step.layers);
    const after = timeByOperator(chosen(point));
    const before = compared ? timeByOperator(chosen(original)) : [];
    const names = [...new Set([...after, ...before].map((o) => o.operator))];
    const ms = (list: typeof after, name: string) => list.find((o) => o.operator === name)?.ms ?? null;
    const bars = names.map((name) => ({ name, before: compared ? ms(before, name) : null, after: ms(after, name) }));
    const total = after.reduce((sum, o) => sum + o.ms, 0);
    return html`<pare-profile .bars=${bars}></pare-profile>
      <div class="side"><div class="scroll" tabindex="0" role="region" aria-label=${t('chart.profile')}><table><thead><tr><th scope="col">${t('column.operator')}</th><th scope="col" class="number">${t('column.count')}</th>
          <th scope="col" class="number">${t('column.time')}</th><th scope="col" class="number">${t('column.share')}</th></tr></thead>
        <tbody>${after.map(
          (o) => html`<tr><td>${o.operator}</td><td class="number">${o.count}</td><td class="number">${format.milliseconds(o.ms)}</td>
          <td class="number">${format.percent(total > 0 ? o.ms / total : null)}</td></tr>`,
        )}
          <tr><th scope="row">${t('column.total')}</th><td></td><td class="number">${format.milliseconds(total || null)}</td><td></td></tr></tbody></table></div>
        <p class="muted">${t('note.latency', { build: point.build })} ${point.kernels ? t('profile.kernels', { names: point.kernels }) : nothing}</p>
        <div class="row"><button id="save-trace" ?disabled=${after.length === 0} @click=${() => download('trace.json', chromeTrace(point.step.layers), 'application/json')}>${t('save.trace')}</button></div></div>`;
  }
}
customElements.define('pare-profile-tab', ProfileTab);
