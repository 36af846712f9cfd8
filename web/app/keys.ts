/** Keys that work anywhere on the page, except while somebody types into a field. */
import { app } from '../state/lab.ts';
import { TABS } from '../state/types.ts';

export function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'range', 'button'].includes(target.type);
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement || target.isContentEditable;
}

export function onKey(event: KeyboardEvent, openFile: () => void): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    if (app.state.help) app.store.set({ help: false });
    else if (app.state.active) app.cancel();
    return;
  }
  if (isTyping(event) || app.state.help) return;
  const tab = TABS[Number(event.key) - 1];
  if (tab) app.store.set({ tab });
  else if (event.key === 'o') openFile();
  else if (event.key === 'r') void app.run();
  else if (event.key === 'z') app.undo();
  else if (event.key === 'Z') app.redo();
  else if (event.key === '?') app.store.set({ help: true });
  else if (event.key === 'p' && app.selected) app.togglePin(app.selected.id);
  else return;
  event.preventDefault();
}
