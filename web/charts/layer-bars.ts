/** One measure of every layer, before and after. */
import { t } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import { Bars } from './bars.ts';

export type LayerMeasure = 'bytes' | 'macs' | 'effective_macs' | 'time_ms' | 'nonzeros';
export const LAYER_MEASURES: LayerMeasure[] = ['bytes', 'nonzeros', 'macs', 'effective_macs', 'time_ms'];

export class LayerBars extends Bars {
  static override properties = { ...Bars.properties, measure: {} };
  declare measure: LayerMeasure;

  constructor() {
    super();
    this.measure = 'bytes';
  }

  protected heading(): string {
    return t('chart.layers', { measure: t(`measure.${this.measure}`) });
  }

  protected empty(): string {
    return t('chart.not-measured');
  }

  protected rowTitle(): string {
    return t('column.layer');
  }

  protected axisTitle(): string {
    return t(`measure.${this.measure}`);
  }

  protected write(value: number | null): string {
    if (this.measure === 'bytes') return format.bytes(value);
    if (this.measure === 'time_ms') return format.milliseconds(value);
    return format.count(value);
  }
}
customElements.define('pare-layer-bars', LayerBars);
