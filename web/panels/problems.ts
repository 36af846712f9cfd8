/** What went wrong, where, why and what to do, in one sentence each; the details folded under it. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t } from '../i18n/index.ts';
import { app } from '../state/lab.ts';
import { Panel } from './panel.ts';

const sentence = (text: string) => (/[.\u3002!?)]$/.test(text) ? text : `${text}.`);

export class Problems extends Panel {
  static override styles = [
    base,
    css`
      :host { display: block; }
      .list { display: flex; flex-direction: column; gap: 4px; }
      .problem { border: 1px solid var(--bad); border-left-width: 4px; background: var(--bad-bg); border-radius: 4px; padding: 4px 8px; display: flex; gap: 8px; align-items: flex-start; }
      strong { font-weight: 600; color: var(--bad); }
      pre { margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; line-height: 16px; }
      .why { overflow-wrap: anywhere; }
      summary { cursor: pointer; color: var(--muted); }
    `,
  ];

  override render(): TemplateResult {
    const { problems } = this.state;
    return html`<div role="alert" class="list">${
      problems.length === 0
        ? nothing
        : problems.map(
            (
              p,
            ) => html`<div class="problem"><div class="grow"><div class="why"><strong>${t(p.what, { where: p.where })}</strong> ${sentence(p.why)} ${t(p.todo)}</div>
              <details><summary>${t('problem.details')}</summary><pre>${p.details}</pre></details></div>
              <button class="quiet" aria-label=${t('problem.dismiss')} title=${t('problem.dismiss')} @click=${() => app.dismiss(p.id)}>✕</button></div>`,
          )
    }</div>`;
  }
}
customElements.define('pare-problems', Problems);
