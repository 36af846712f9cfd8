/** A program that answers commands, one line for a line: "ok ..." or "error MESSAGE" (infer.c, train_torch.py). */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export function asked(program, args = [], options = {}) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  const waiting = [];
  let ended = null;
  let said = '';
  const end = (error) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  child.stdin.on('error', () => {}); // it ended: 'close' says how
  child.on('error', end);
  child.on('close', (code, signal) => end(new Error(`${program} ended (${signal ?? code}): ${said.trim().split('\n').at(-1)}`)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (line.startsWith('ok')) next?.resolve(line.slice(3));
    else next?.reject(new Error(line.replace(/^error /, '')));
  });
  return {
    ask: (line) =>
      new Promise((resolve, reject) => {
        if (ended) reject(ended);
        waiting.push({ resolve, reject });
        child.stdin.write(`${line}\n`);
      }),
    close: () => child.stdin.end(),
  };
}
