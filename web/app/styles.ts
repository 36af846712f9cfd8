/** The look: one typeface, a 4-pixel grid, two weights, tabular numbers, Okabe-Ito colours; light and dark by `color-scheme`. */
import { css } from 'lit';

/** On the root of the page; widgets embedded elsewhere fall back to these through `base`. */
export const tokens = css`
  :host {
    --bg: light-dark(#ffffff, #14171a);
    --panel: light-dark(#f5f7f8, #1b1f23);
    --raised: light-dark(#ffffff, #242a2f);
    --line: light-dark(#d3d9dd, #39424a);
    --edge: light-dark(#7b868f, #76828c);
    --ink: light-dark(#14181b, #e9ecee);
    --muted: light-dark(#4a545c, #aab4bc);
    --accent: light-dark(#005a8f, #7cc8f5);
    --on-accent: light-dark(#ffffff, #0b1a24);
    --bad: light-dark(#a33c00, #ff9b63);
    --bad-bg: light-dark(#fdf1ea, #33221a);
    --good: light-dark(#00664b, #3fd0a4);
    --c-original: light-dark(#3d454c, #c9d0d6);
    --c-prune: light-dark(#0072b2, #56b4e9);
    --c-train: light-dark(#009e73, #2ac79b);
    --c-distill: light-dark(#b5548f, #e39cc6);
    --c-quantize: light-dark(#c24f00, #f08a4b);
    --c-init: light-dark(#7d6a00, #f0e442);
    --c-before: light-dark(#7b868f, #98a3ac);
    --c-after: light-dark(#0072b2, #56b4e9);
  }
`;

export const base = css`
  :host {
    display: block;
    font: 13px/20px system-ui, 'Noto Sans', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif;
    color: var(--ink);
    font-variant-numeric: tabular-nums;
  }
  *, *::before, *::after { box-sizing: border-box; }
  h2 { font-size: 13px; line-height: 20px; font-weight: 600; margin: 0; }
  h3 { font-size: 13px; line-height: 20px; font-weight: 600; margin: 0; }
  p { margin: 0; }
  .muted { color: var(--muted); }
  .number { text-align: right; white-space: nowrap; }
  .row { display: flex; gap: 8px; align-items: center; }
  .grow { flex: 1; min-width: 0; }
  button, select, input[type='number'], input[type='text'] {
    font: inherit;
    color: inherit;
    background: var(--raised);
    border: 1px solid var(--edge);
    border-radius: 4px;
    min-height: 28px;
    padding: 3px 8px;
  }
  button { cursor: pointer; }
  button:hover:not(:disabled) { border-color: var(--accent); color: var(--accent); }
  button:disabled { color: var(--muted); border-color: var(--line); cursor: default; }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
  button.main:hover:not(:disabled) { color: var(--on-accent); filter: brightness(1.1); }
  button.main:disabled { background: var(--panel); border-color: var(--line); color: var(--muted); }
  button.quiet { background: none; border-color: transparent; padding: 3px 6px; min-width: 28px; }
  button.quiet:hover:not(:disabled) { border-color: var(--edge); }
  input[type='range'] { accent-color: var(--accent); margin: 0; min-width: 0; }
  input[type='checkbox'] { accent-color: var(--accent); width: 16px; height: 16px; margin: 0; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
  table { border-collapse: collapse; width: 100%; }
  th, td { padding: 3px 8px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
  th { font-weight: 600; color: var(--muted); }
  th.number, td.number { text-align: right; }
  .scroll { overflow: auto; }
  a { color: var(--accent); }
  .visually-hidden {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }
`;
