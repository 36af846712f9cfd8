/** Integers and truth values are equal, NaN where NaN is; floats within 1e-3 of the value plus 1e-5 of the tensor's largest (at least 1). */
const RELATIVE = 1e-3;
const OF_LARGEST = 1e-5;

const largestOf = (data) => data.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1);

function sameFloat(have, want, slack) {
  return Object.is(have, want) || have === want || Math.abs(have - want) <= RELATIVE * Math.abs(want) + slack;
}

/** What differs first, as text; null when nothing does. `exactly`: floats are equal too. `ofLargest`: another bound. */
export function difference(have, want, exactly = false, ofLargest = OF_LARGEST) {
  for (const [name, expected] of Object.entries(want)) {
    const given = have[name];
    if (!given) return `${name} is missing`;
    if (given.dtype !== expected.dtype) return `${name} is ${given.dtype}, ONNX Runtime has ${expected.dtype}`;
    if (String(given.dims) !== String(expected.dims)) return `${name} is [${given.dims}], ONNX Runtime has [${expected.dims}]`;
    const isFloat = !exactly && (expected.dtype === 'f32' || expected.dtype === 'f64');
    const slack = isFloat ? ofLargest * largestOf(expected.data) : 0;
    for (let i = 0; i < expected.data.length; i++) {
      const [a, b] = [given.data[i], expected.data[i]];
      if (isFloat ? !sameFloat(a, b, slack) : a !== b && !Object.is(a, b))
        return `${name}[${i}] of [${expected.dims}] is ${a}, ONNX Runtime has ${b}`;
    }
  }
  return null;
}
