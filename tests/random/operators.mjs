/**
 * The table of operators: name -> { make(graph, draw), moves, jumps, since }. `make` draws { inputs, attrs, outputs, op, domain }, or null
 * when it does not fit the graph. `moves`: elements are only moved, so exact inputs give exact outputs; `jumps`: a rounding error of the
 * inputs could change the result altogether (floor, comparisons, TopK), so they must be exact; `since`: the first opset that has the form.
 */
import { DETECTION } from './ops_detection.mjs';
import { ELEMENTWISE } from './ops_elementwise.mjs';
import { INDEXING } from './ops_indexing.mjs';
import { PRODUCTS } from './ops_products.mjs';
import { REDUCTIONS } from './ops_reductions.mjs';
import { SHAPES } from './ops_shapes.mjs';
import { WINDOWS } from './ops_windows.mjs';

export const OPERATORS = { ...ELEMENTWISE, ...REDUCTIONS, ...SHAPES, ...INDEXING, ...WINDOWS, ...PRODUCTS, ...DETECTION };
