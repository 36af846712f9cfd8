/** Matrix products, einsum and the recurrent layers. */

function matmul(g, d) {
  const x = g.value({ types: ['f32', 'f32', 'f32', 's32'], rank: [1, 4] });
  const k = x.dims.at(-1);
  const lead = x.dims.length > 2 && d.chance(0.6) ? d.broadcast(x.dims.slice(0, -2)) : [];
  const dims = d.chance(0.15) ? [k] : [...lead, k, d.between(1, 6)];
  return { inputs: [x, g.leaf(d.tensor(x.dtype, dims), d.chance(0.6))] };
}

function gemm(g, d) {
  const a = g.value({ rank: [2, 2] });
  const [transA, transB] = [d.below(2), d.below(2)];
  const [m, k] = transA ? [a.dims[1], a.dims[0]] : a.dims;
  const n = d.between(1, 6);
  const c = d.chance(0.6) ? g.weight(d.pick([[n], [m, n], [1, n], [m, 1], [1], []])) : null;
  const attrs = { transA, transB };
  if (d.chance(0.5)) Object.assign(attrs, { alpha: { float: d.real(-2, 2) }, beta: { float: d.real(-2, 2) } });
  return { inputs: [a, g.weight(transB ? [n, k] : [k, n]), c], attrs };
}

const EQUATIONS = [
  'ij,jk->ik',
  'bij,bjk->bik',
  'ij->ji',
  'ij->i',
  'ii->i',
  'i,j->ij',
  'bhqd,bhkd->bhqk',
  '...ij,...jk->...ik',
  'ij,ij->',
  'bij,jk->bki',
  'ij,jk',
];

/** One size for each letter. */
function einsum(g, d) {
  const equation = d.pick(EQUATIONS);
  const sizes = {};
  const dimsOf = (term) =>
    [...term.replace('...', '*')].map((letter) => {
      sizes[letter] ??= d.between(1, 4);
      return sizes[letter];
    });
  return {
    inputs: equation
      .split('->')[0]
      .split(',')
      .map((term) => g.f32(dimsOf(term))),
    attrs: { equation },
  };
}

/** How many activations a direction has, by its gates. */
const ACTIVATIONS = { 1: 1, 3: 2, 4: 3 };
const PLAIN = ['Relu', 'Tanh', 'Sigmoid', 'Softsign', 'Softplus'];
const WITH_ALPHA = ['LeakyRelu', 'ThresholdedRelu', 'Elu'];
const WITH_BOTH = ['Affine', 'ScaledTanh', 'HardSigmoid'];

/** All of one kind: alphas and betas are lists of those that have one, in order. */
function activations(d, n) {
  const kind = d.pick([PLAIN, WITH_ALPHA, WITH_BOTH]);
  const numbers = () => ({ floats: d.list(n, () => d.real(0.2, 0.8)) });
  const attrs = { activations: d.list(n, () => d.pick(kind)) };
  if (kind !== PLAIN) attrs.activation_alpha = numbers();
  if (kind === WITH_BOTH) attrs.activation_beta = numbers();
  return attrs;
}

/** `finite`: a recurrence that runs away is left out, because infinity less infinity is what each side meets first. X [T,N,I], W [D,gates*H,I], R [D,gates*H,H], B [D,2*gates*H], lengths [N], initial states [D,N,H]. */
const recurrent =
  ({ gates, states, more = () => ({}) }) =>
  (g, d) => {
    const x = g.value({ rank: [3, 3] });
    const [, n, i] = x.dims;
    const h = d.between(1, 4);
    const direction = d.pick(['forward', 'reverse', 'bidirectional']);
    const dirs = direction === 'bidirectional' ? 2 : 1;
    const maybe = (make) => (d.chance(0.5) ? make() : null);
    const initial = () => g.f32([dirs, n, h], -1, 1);
    const inputs = [x, g.weight([dirs, gates * h, i]), g.weight([dirs, gates * h, h]), maybe(() => g.weight([dirs, 2 * gates * h]))];
    inputs.push(
      maybe(() =>
        g.leaf(
          d.numbers(
            d.list(n, () => d.between(1, x.dims[0])),
            's32',
          ),
        ),
      ),
    );
    for (let state = 0; state < states; state++) inputs.push(maybe(initial));
    if (states === 2) inputs.push(maybe(() => g.weight([dirs, 3 * h])));
    const attrs = { hidden_size: h, direction, ...more(d) };
    if (d.chance(0.2)) attrs.clip = { float: d.real(0.3, 1) };
    if (d.chance(0.3)) Object.assign(attrs, activations(d, dirs * ACTIVATIONS[gates]));
    return { inputs, outputs: states + 1, attrs };
  };

export const PRODUCTS = {
  Einsum: { make: einsum },
  GRU: { finite: true, make: recurrent({ gates: 3, states: 1, more: (d) => ({ linear_before_reset: d.below(2) }) }) },
  Gemm: { make: gemm },
  LSTM: { finite: true, make: recurrent({ gates: 4, states: 2, more: (d) => (d.chance(0.2) ? { input_forget: 1 } : {}) }) },
  MatMul: { make: matmul },
  RNN: { finite: true, make: recurrent({ gates: 1, states: 1 }) },
};
