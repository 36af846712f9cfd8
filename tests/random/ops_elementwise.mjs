/** Element by element: one, two (broadcast to each other) or more operands. */
import { INTEGERS } from './draw.mjs';

const NUMBERS = ['f32', 'f32', 'f32', 's32', 's64', 'f64', 'u8', 's8'];
const ALL = [...NUMBERS, 'bool'];

/** One operand; `low` and `high`: where the function is defined, or does not grow too fast. */
const unary =
  ({ types, low, high, attrs } = {}) =>
  (g, d) => ({ inputs: [g.value({ types, low, high, rank: [0, 4] })], attrs: attrs?.(d) });

/** The other operand: another value of these dims when there is one, or one that broadcasts. */
function partner(g, d, a, low, high) {
  return g.leaf(d.tensor(a.dtype, d.broadcast(a.dims), low, high));
}

/** Two operands, either of which may be the smaller. */
const binary =
  ({ types = NUMBERS, low, high, fixed = false, attrs } = {}) =>
  (g, d) => {
    const a = g.value({ types, rank: [0, 4] });
    const b = partner(g, d, a, low, high);
    return { inputs: fixed || d.chance(0.6) ? [a, b] : [b, a], attrs: attrs?.(d) };
  };

const many = (g, d) => {
  const a = g.value({ types: ['f32'], rank: [0, 4] });
  return { inputs: d.shuffled([a, ...d.list(d.between(0, 3), () => partner(g, d, a))]) };
};

const compare = (types) => ({ jumps: true, make: binary({ types }) });
const bits = { moves: true, make: binary({ types: INTEGERS, low: 0, high: 30 }) };
const alpha = (low, high) => (d) => (d.chance(0.7) ? { alpha: { float: d.real(low, high) } } : {});

function divide(g, d) {
  const a = g.value({ types: NUMBERS, rank: [0, 4] });
  const b = d.tensor(a.dtype, d.broadcast(a.dims), 1, 7);
  if (a.dtype[0] !== 'u' && d.chance(0.5)) b.data = b.data.map((v) => -v);
  return { inputs: [a, g.leaf(b)] };
}

function modulo(g, d) {
  const fmod = d.below(2);
  const { inputs } = divide(g, d);
  const isFloat = inputs[0].dtype[0] === 'f';
  return isFloat && !fmod ? null : { inputs, attrs: { fmod } };
}

function power(g, d) {
  const a = g.value({ types: ['f32'], rank: [0, 4], low: 0.1, high: 3 });
  const type = d.pick(['f32', 'f32', 's32', 's64']);
  return { inputs: [a, g.leaf(d.tensor(type, d.broadcast(a.dims), -2, 3))] };
}

function clip(g, d) {
  const x = g.value({ types: ['f32', 'f32', 's32', 's64', 's8', 'u8'], rank: [0, 4] });
  const bound = (low, high) => (d.chance(0.7) ? g.constant(d.tensor(x.dtype, [], low, high)) : null);
  return { inputs: [x, bound(-1, 1), bound(1, 3)] };
}

function where(g, d) {
  const x = g.value({ types: ALL, rank: [0, 4] });
  const condition = g.leaf(d.tensor('bool', d.broadcast(x.dims)));
  return { inputs: [condition, ...d.shuffled([x, partner(g, d, x)])] };
}

/** To narrower types only what they hold: the rest is undefined in ONNX. */
function cast(g, d) {
  const x = g.value({ types: ['f32', 's32', 's64', 'bool', 'u8', 's8', 'f64'], rank: [0, 4], low: 0, high: 100 });
  const to = d.pick([1, 2, 3, 6, 7, 9, 11]);
  return { inputs: [x], attrs: { to } };
}

function prelu(g, d) {
  const x = g.value({ rank: [1, 4] });
  return { inputs: [x, g.weight(d.broadcast(x.dims))] };
}

function shift(g, d) {
  const x = g.leaf(d.tensor(d.pick(['u8', 'u32', 'u64']), d.dims(d.between(1, 3)), 0, 100));
  return { inputs: [x, partner(g, d, x, 0, 7)], attrs: { direction: d.pick(['LEFT', 'RIGHT']) } };
}

/** Values among which are NaN and both infinities. */
function special(g, d) {
  const x = d.tensor('f32', d.dims(d.between(1, 3)));
  x.data = x.data.map((v) => (d.chance(0.4) ? d.pick([Number.NaN, Infinity, -Infinity]) : v));
  return g.leaf(x);
}

export const ELEMENTWISE = {
  Abs: { moves: true, make: unary({ types: NUMBERS }) },
  Acos: { make: unary({ low: -0.95, high: 0.95 }) },
  Acosh: { make: unary({ low: 1.1, high: 9 }) },
  Add: { make: binary() },
  And: { moves: true, make: binary({ types: ['bool'] }) },
  Asin: { make: unary({ low: -0.95, high: 0.95 }) },
  Asinh: { make: unary() },
  Atan: { make: unary() },
  Atanh: { make: unary({ low: -0.9, high: 0.9 }) },
  BitShift: { make: shift },
  BitwiseAnd: { ...bits, since: 18 },
  BitwiseNot: { since: 18, make: unary({ types: INTEGERS }) },
  BitwiseOr: { ...bits, since: 18 },
  BitwiseXor: { ...bits, since: 18 },
  Cast: { jumps: true, make: cast },
  Ceil: { jumps: true, make: unary({ low: -5, high: 5 }) },
  Celu: { make: unary({ attrs: alpha(0.3, 2) }) },
  Clip: { moves: true, make: clip },
  Cos: { make: unary({ low: -6, high: 6 }) },
  Cosh: { make: unary({ low: -3, high: 3 }) },
  Div: { make: divide },
  Elu: { make: unary({ attrs: alpha(0.3, 2) }) },
  Equal: compare(ALL),
  Erf: { make: unary() },
  Exp: { make: unary({ low: -5, high: 5 }) },
  Floor: { jumps: true, make: unary({ low: -5, high: 5 }) },
  Gelu: { since: 20, make: unary({ attrs: (d) => ({ approximate: d.pick(['none', 'tanh']) }) }) },
  Greater: compare(NUMBERS),
  GreaterOrEqual: compare(NUMBERS),
  HardSigmoid: { make: unary({ attrs: (d) => ({ alpha: { float: d.real(0.1, 0.6) }, beta: { float: d.real(0.2, 0.8) } }) }) },
  HardSwish: { since: 14, make: unary() },
  Identity: { moves: true, make: unary({ types: ALL }) },
  IsInf: {
    make: (g, d) => ({ inputs: [special(g, d)], attrs: { detect_negative: d.below(2), detect_positive: d.below(2) } }),
  },
  IsNaN: { make: (g, d) => ({ inputs: [special(g, d)] }) },
  LeakyRelu: { make: unary({ attrs: alpha(0.01, 0.5) }) },
  Less: compare(NUMBERS),
  LessOrEqual: compare(NUMBERS),
  Log: { make: unary({ low: 0.1, high: 9 }) },
  Max: { make: (g, d) => (d.chance(0.5) ? many(g, d) : binary()(g, d)) },
  Mean: { make: many },
  Min: { make: (g, d) => (d.chance(0.5) ? many(g, d) : binary()(g, d)) },
  Mish: { since: 18, make: unary() },
  Mod: { jumps: true, make: modulo },
  Mul: { make: binary() },
  Neg: { moves: true, make: unary({ types: ['f32', 's32', 's64', 's8', 'f64'] }) },
  Not: { moves: true, make: unary({ types: ['bool'] }) },
  Or: { moves: true, make: binary({ types: ['bool'] }) },
  PRelu: { make: prelu },
  Pow: { make: power },
  Reciprocal: { make: unary({ low: 0.2, high: 5 }) },
  Relu: { moves: true, make: unary({ types: ['f32', 'f32', 's32', 's8'] }) },
  Round: { jumps: true, make: unary({ low: -5, high: 5 }) },
  Selu: { make: unary() },
  Shrink: {
    jumps: true,
    make: unary({ attrs: (d) => ({ lambd: { float: d.real(0.2, 1) }, bias: { float: d.real(0, 0.5) } }) }),
  },
  Sigmoid: { make: unary() },
  Sign: { jumps: true, make: unary({ types: NUMBERS }) },
  Sin: { make: unary({ low: -6, high: 6 }) },
  Sinh: { make: unary({ low: -3, high: 3 }) },
  Softplus: { make: unary() },
  Softsign: { make: unary() },
  Sqrt: { make: unary({ low: 0, high: 9 }) },
  Sub: { make: binary() },
  Sum: { make: many },
  Tan: { make: unary({ low: -1.2, high: 1.2 }) },
  Tanh: { make: unary() },
  ThresholdedRelu: { jumps: true, make: unary({ attrs: alpha(0.1, 1) }) },
  Where: { moves: true, make: where },
  Xor: { moves: true, make: binary({ types: ['bool'] }) },
};
