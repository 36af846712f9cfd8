#!/usr/bin/env node
/** The `pare` command of the npm package. Everything is the WASI program's, but for `check --against onnxruntime`, which runs onnxruntime-node beside it. */
import { checkAgainstOnnxRuntime, namesOnnxRuntime } from './check.mjs';
import { pare } from './program.mjs';

const args = process.argv.slice(2);
process.exitCode = args[0] === 'check' && namesOnnxRuntime(args) ? await checkAgainstOnnxRuntime(args) : await pare(args);
