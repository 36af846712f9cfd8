/** Numbers for people, always with their unit. Sizes are decimal (1 kB = 1,000 bytes); three significant digits. */
import { locale, t } from '../i18n/index.ts';
import type { Metric } from './types.ts';

const NONE = '–';
const formats = new Map<string, Intl.NumberFormat>();

function number(value: number, options: Intl.NumberFormatOptions): string {
  const id = `${locale()}${JSON.stringify(options)}`;
  let format = formats.get(id);
  if (!format) {
    format = new Intl.NumberFormat(locale(), options);
    formats.set(id, format);
  }
  return format.format(value).replace('-', '\u2212');
}

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value);

export function scaled(value: number, units: string[]): string {
  let i = 0;
  let v = value;
  while (Math.abs(v) >= 999.5 && i < units.length - 1) {
    v /= 1000;
    i++;
  }
  const text = number(
    v,
    i === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3, minimumSignificantDigits: v < 100 ? 2 : 1 },
  );
  return units[i] ? `${text} ${units[i]}` : text;
}

export const bytes = (value: number | null | undefined): string => (isNumber(value) ? scaled(value, ['B', 'kB', 'MB', 'GB']) : NONE);
export const count = (value: number | null | undefined): string => (isNumber(value) ? scaled(value, ['', 'k', 'M', 'G']) : NONE);
export const integer = (value: number | null | undefined): string => (isNumber(value) ? number(value, { maximumFractionDigits: 0 }) : NONE);
export const percent = (value: number | null | undefined, digits = 1): string =>
  isNumber(value) ? `${number(value * 100, { minimumFractionDigits: digits, maximumFractionDigits: digits })} %` : NONE;
export const decimal = (value: number | null | undefined, digits = 3): string =>
  isNumber(value) ? number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits }) : NONE;
export const significant = (value: number | null | undefined, digits = 3): string =>
  isNumber(value) ? number(value, { maximumSignificantDigits: digits }) : NONE;
export const decibels = (value: number | null | undefined): string =>
  isNumber(value) ? `${number(value, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} dB` : NONE;

export function milliseconds(value: number | null | undefined): string {
  if (!isNumber(value)) return NONE;
  return value < 1 ? `${number(value * 1000, { maximumSignificantDigits: 3 })} µs` : `${number(value, { maximumSignificantDigits: 3 })} ms`;
}

export function duration(seconds: number | null | undefined): string {
  if (!isNumber(seconds)) return NONE;
  if (seconds < 60) return `${number(seconds, { maximumFractionDigits: seconds < 9.95 ? 1 : 0 })} s`;
  return `${number(Math.floor(seconds / 60), {})} min ${number(Math.round(seconds % 60), {})} s`;
}

export function shape(dims: readonly number[] | null | undefined): string {
  if (!dims) return NONE;
  return dims.length === 0 ? '1' : dims.map((d) => (d < 0 ? 'N' : String(d))).join(' × ');
}

/** "−73 %" against the original; '' when there is nothing to compare. */
export function change(now: number | null | undefined, before: number | null | undefined): string {
  if (!isNumber(now) || !isNumber(before) || before === 0) return '';
  const part = now / before - 1;
  if (Math.abs(part) < 0.0005) return t('change.same');
  const digits = Math.abs(part) < 0.1 ? 1 : 0;
  return `${number(part * 100, { signDisplay: 'always', maximumFractionDigits: digits })} %`;
}

/** Accuracy changes in points, not in percent of percent. */
export function points(now: number | null | undefined, before: number | null | undefined): string {
  if (!isNumber(now) || !isNumber(before)) return '';
  const difference = (now - before) * 100;
  if (Math.abs(difference) < 0.005) return t('change.same');
  return t('change.points', { n: number(difference, { signDisplay: 'always', maximumFractionDigits: 2 }) });
}

export function metric(name: Metric, value: number | null | undefined): string {
  switch (name) {
    case 'accuracy':
      return percent(value, 2);
    case 'loss':
      return decimal(value, 4);
    case 'latency_ms':
      return milliseconds(value);
    case 'macs':
    case 'effective_macs':
      return isNumber(value) ? `${count(value)} MAC` : NONE;
    default:
      return bytes(value);
  }
}

export const dateTime = (at: number): string =>
  new Intl.DateTimeFormat(locale(), { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }).format(at);
