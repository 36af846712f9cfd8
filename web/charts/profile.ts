/** Where the time goes: median milliseconds by kind of operator at batch 1, measured here. */
import { t } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import { Bars } from './bars.ts';

export class Profile extends Bars {
  protected heading(): string {
    return t('chart.profile');
  }

  protected empty(): string {
    return t('chart.profile-empty');
  }

  protected rowTitle(): string {
    return t('column.operator');
  }

  protected axisTitle(): string {
    return t('chart.profile-axis');
  }

  protected write(value: number | null): string {
    return format.milliseconds(value);
  }
}
customElements.define('pare-profile', Profile);
