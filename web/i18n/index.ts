/** All text of the page lives in en.json and zh.json with the same keys. `said` translates the sentences that come from the core. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import core from './core.zh.json';
import en from './en.json';
import zh from './zh.json';

export type Key = keyof typeof en;
export type Language = 'en' | 'zh';

const TEXTS: Record<Language, Record<Key, string>> = { en, zh };
const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' };
const FROM_CORE: Record<string, string> = core;
const MEMORY = 'pare.language';
const listeners = new Set<() => void>();

function remembered(): Language {
  try {
    const value = localStorage.getItem(MEMORY);
    if (value === 'en' || value === 'zh') return value;
  } catch {
    // storage is not allowed: the browser's language then
  }
  return globalThis.navigator?.language?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

let current: Language = remembered();

export const language = (): Language => current;
export const locale = (): string => LOCALES[current];

export function setLanguage(next: Language): void {
  current = next;
  try {
    localStorage.setItem(MEMORY, next);
  } catch {
    // not remembered, still switched
  }
  document.documentElement.lang = LOCALES[next];
  for (const listener of listeners) listener();
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return TEXTS[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function isKey(key: string): key is Key {
  return key in en;
}

/** A sentence from the core (a parameter's help, a pass's title): translated when it is known, else as it is. */
export function said(text: string): string {
  return current === 'zh' ? (FROM_CORE[text] ?? text) : text;
}

/** Draws its host again when the language changes. */
export class LanguageController implements ReactiveController {
  #draw: () => void;

  constructor(host: ReactiveControllerHost) {
    this.#draw = () => host.requestUpdate();
    host.addController(this);
  }

  hostConnected(): void {
    listeners.add(this.#draw);
  }

  hostDisconnected(): void {
    listeners.delete(this.#draw);
  }
}
