/**
 * One readable line for a step of a recipe, in the page's language. Known passes have a sentence in the message files; any other pass is
 * its title and what was chosen, so a new pass needs no line here.
 */
import type { ParamInfo, ParamValue, PassInfo, RecipeStep } from '../../wasm/js/types.ts';
import { isKey, said, t } from '../i18n/index.ts';
import * as format from './format.ts';

export function settingOf(step: RecipeStep, pass: PassInfo | undefined, name: string): ParamValue | undefined {
  return step[name] ?? pass?.params.find((p) => p.name === name)?.default;
}

export function choiceText(value: string): string {
  const key = `choice.${value}`;
  return isKey(key) ? t(key) : value.replaceAll('_', ' ');
}

export function paramTitle(param: ParamInfo): string {
  const key = `param.${param.name}`;
  return isKey(key) ? t(key) : param.name.replaceAll('_', ' ');
}

function amount(step: RecipeStep, pass: PassInfo | undefined): string {
  const count = step.count;
  if (typeof count === 'number' && count > 0) return format.integer(count);
  const value = settingOf(step, pass, 'amount');
  return typeof value === 'number' ? format.percent(value, value * 100 === Math.round(value * 100) ? 0 : 1) : '';
}

const teacherText = (value: ParamValue | undefined): string => (value === 'original' ? t('choice.original') : String(value ?? ''));

export function describeStep(step: RecipeStep, pass: PassInfo | undefined): string {
  const words = (name: string) => {
    const value = settingOf(step, pass, name);
    return typeof value === 'string' ? choiceText(value) : value === undefined ? '' : String(value);
  };
  switch (step.pass) {
    case 'prune':
      if (step.pattern === '2:4') return t('describe.prune_pattern', { criterion: words('criterion') });
      return t('describe.prune', { amount: amount(step, pass), criterion: words('criterion'), scope: words('scope') });
    case 'prune_channels':
      return t('describe.prune_channels', { amount: amount(step, pass), criterion: words('criterion'), scope: words('scope') });
    case 'train':
      return t('describe.train', { epochs: words('epochs') });
    case 'distill':
      return t('describe.distill', { teacher: teacherText(settingOf(step, pass, 'teacher')), epochs: words('epochs') });
    case 'init':
      return t('describe.init');
    case 'quantize':
      return t('describe.quantize');
    case 'quantize_dynamic':
      return t('describe.quantize_dynamic');
    default:
      return generic(step, pass);
  }
}

function generic(step: RecipeStep, pass: PassInfo | undefined): string {
  const chosen = (pass?.params ?? []).filter((p) => step[p.name] !== undefined).map((p) => `${paramTitle(p)} ${String(step[p.name])}`);
  return [pass ? said(pass.title) : step.pass, ...chosen].join(', ');
}

export function describeRecipe(steps: RecipeStep[], passes: PassInfo[]): string {
  return steps
    .map((step) =>
      describeStep(
        step,
        passes.find((p) => p.name === step.pass),
      ),
    )
    .join(' → ');
}
