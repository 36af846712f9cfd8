/** The form field of one parameter, made from the pass's own declaration: bounds, default, unit and sentence of help. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import type { ParamInfo, ParamValue } from '../../wasm/js/types.ts';
import { base } from '../app/styles.ts';
import { LanguageController, said, t } from '../i18n/index.ts';
import { choiceText, paramTitle } from '../state/describe.ts';
import * as format from '../state/format.ts';

/** Sliders only where a hand can set a useful value: a small bounded range, in whose steps the default lies. */
function slider(param: ParamInfo): { minimum: number; maximum: number; step: number } | null {
  const { minimum, maximum, type } = param;
  if (minimum === undefined || maximum === undefined || !(maximum > minimum) || maximum - minimum > 100) return null;
  const step = type === 'int' ? 1 : maximum - minimum <= 1 ? 0.01 : 0.1;
  const steps = ((typeof param.default === 'number' ? param.default : minimum) - minimum) / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6 ? { minimum, maximum, step } : null;
}

export class ParamField extends LitElement {
  static override styles = [
    base,
    css`
      .field { display: grid; grid-template-columns: 96px 1fr; gap: 4px 8px; align-items: center; }
      .field > label { overflow-wrap: anywhere; }
      .value { display: flex; gap: 8px; align-items: center; min-width: 0; }
      .value input[type='range'] { flex: 1; }
      input[type='number'] { width: 84px; text-align: right; }
      input[type='text'], select { min-width: 0; flex: 1; width: 100%; }
      select[multiple] { min-height: 84px; }
      .unit { color: var(--muted); white-space: nowrap; }
      .help { grid-column: 1 / -1; color: var(--muted); font-size: 12px; line-height: 16px; }
    `,
  ];
  static override properties = {
    param: { attribute: false },
    value: { attribute: false },
    layers: { attribute: false },
    models: { attribute: false },
  };
  declare param: ParamInfo;
  declare value: ParamValue | undefined;
  declare layers: string[];
  declare models: string[];

  constructor() {
    super();
    this.layers = [];
    this.models = [];
    new LanguageController(this);
  }

  #send(value: ParamValue | undefined): void {
    this.dispatchEvent(new CustomEvent('param', { detail: { name: this.param.name, value }, bubbles: true, composed: true }));
  }

  #number(event: Event): void {
    const text = (event.target as HTMLInputElement).value;
    let value = Number(text);
    if (text === '' || !Number.isFinite(value)) {
      if (text === '') this.#send(undefined);
      return;
    }
    if (this.param.type === 'int') value = Math.round(value);
    value = Math.min(this.param.maximum ?? value, Math.max(this.param.minimum ?? value, value));
    this.#send(Number(value.toPrecision(7)));
  }

  #input(): TemplateResult {
    const { param } = this;
    const value = this.value ?? param.default;
    switch (param.type) {
      case 'int':
      case 'float': {
        const range = slider(param);
        const text = typeof value === 'number' ? String(value) : '';
        return html`${
          range
            ? html`<input type="range" aria-label=${paramTitle(param)} min=${range.minimum} max=${range.maximum} step=${range.step} .value=${text} @input=${this.#number} />`
            : nothing
        }<input type="number" id="input" aria-describedby="help" min=${param.minimum ?? nothing} max=${param.maximum ?? nothing}
          step=${param.type === 'int' ? 1 : 'any'} .value=${text} placeholder=${t('param.none')} @change=${this.#number} />`;
      }
      case 'bool':
        return html`<input type="checkbox" id="input" aria-describedby="help" .checked=${value === true}
          @change=${(event: Event) => this.#send((event.target as HTMLInputElement).checked)} />`;
      case 'choice':
        return this.#select(param.choices ?? [], value, choiceText);
      case 'model':
        return this.#select(['original', ...this.models], value ?? '', (name) => (name === 'original' ? t('kind.original') : name));
      case 'layers': {
        const chosen = Array.isArray(value) ? value : [];
        return html`<select multiple id="input" aria-describedby="help" @change=${(event: Event) => {
          const names = [...(event.target as HTMLSelectElement).selectedOptions].map((o) => o.value);
          this.#send(names.length > 0 ? names : undefined);
        }}>${this.layers.map((name) => html`<option value=${name} ?selected=${chosen.includes(name)}>${name}</option>`)}</select>`;
      }
      default:
        return html`<input type="text" id="input" aria-describedby="help" .value=${typeof value === 'string' ? value : ''}
          @change=${(event: Event) => this.#send((event.target as HTMLInputElement).value || undefined)} />`;
    }
  }

  #select(choices: string[], value: ParamValue | undefined, write: (choice: string) => string): TemplateResult {
    const all = typeof value === 'string' && !choices.includes(value) ? [value, ...choices] : choices;
    return html`<select id="input" aria-describedby="help" @change=${(event: Event) => this.#send((event.target as HTMLSelectElement).value)}>
      ${all.map((choice) => html`<option value=${choice} ?selected=${choice === value}>${choice === '' ? t('param.choose') : write(choice)}</option>`)}</select>`;
  }

  #bounds(): string {
    const { minimum, maximum, type } = this.param;
    if ((type !== 'int' && type !== 'float') || minimum === undefined || maximum === undefined || maximum > 1e9) return '';
    return t('param.bounds', { minimum: format.significant(minimum, 4), maximum: format.significant(maximum, 4) });
  }

  override render(): TemplateResult {
    const { param } = this;
    return html`<div class="field"><label for="input">${paramTitle(param)}${param.required ? ' *' : ''}</label>
      <div class="value">${this.#input()}${param.unit ? html`<span class="unit">${said(param.unit)}</span>` : nothing}</div>
      <div class="help" id="help">${said(param.help)} ${this.#bounds()}</div></div>`;
  }
}
customElements.define('pare-param', ParamField);
