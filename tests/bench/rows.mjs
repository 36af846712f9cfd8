/**
 * The rows of the benchmark: who runs against whom, and the ratio to reach. Rows of one race are timed together, interleaved. A contestant is
 * {id, engine, network, form, batch, numerics, module}; ids are unique in a race.
 */
const BATCH_1 = ['resnet8', 'resnet20', 'mobilenet_v1', 'mobilenet_v2', 'lenet5', 'mlp'];
const INT8_TARGETS = { resnet8: [3, 4.5], resnet20: [3, 4.5], mobilenet_v1: [5, 8], mobilenet_v2: [5, 8], lenet5: [4, 8], mlp: [4, 8] };
const F32_TARGETS = (network) => (network.startsWith('resnet') ? [1.2, 1.5] : [1.5, 2.2]);
const NAMES = {
  resnet8: 'ResNet-8',
  resnet20: 'ResNet-20',
  mobilenet_v1: 'MobileNetV1 0.25',
  mobilenet_v2: 'MobileNetV2',
  lenet5: 'LeNet-5',
  mlp: 'MLP 784-512-512-10',
  resnet8_train: 'ResNet-8 (28x28x1, BatchNormalization)',
  lstm_small: 'LSTM 2-16, 6 steps',
  lstm_large: 'LSTM 64-256, 32 steps',
  conv64: 'convolution 64x64x3x3',
  dense512: 'linear 512x512',
};

const contestant = (id, engine, network, form, batch, more = {}) => ({ id, engine, network, form, batch, ...more });

const inference = (place, network, batch, name, title, ours, peers, [least, aim]) => ({
  kind: 'inference',
  place,
  race: `${place}-${network}-${batch}`,
  name,
  title: `${title}: ${NAMES[network]}, batch ${batch}`,
  ours: ours.id,
  peers: peers.map(({ id }) => id),
  contestants: [ours, ...peers],
  network,
  least,
  aim,
});

/** Inference in Chromium: int8 and f32 of one network stand in one race. */
function inChromium(network) {
  const int8 = contestant('pare int8', 'pare', network, 'int8', 1);
  const f32 = contestant('pare f32', 'pare', network, 'f32', 1, { numerics: 'fast' });
  const ortInt8 = contestant('ort-web int8', 'ort', network, 'int8', 1);
  const peers = [contestant('ort-web f32', 'ort', network, 'f32', 1), contestant('tfjs-wasm f32', 'tfjs', network, 'f32', 1)];
  return [
    inference('chromium', network, 1, `int8-chromium-${network}`, 'int8 in Chromium', int8, [ortInt8], INT8_TARGETS[network]),
    inference('chromium', network, 1, `f32-chromium-${network}`, 'f32 in Chromium', f32, peers, F32_TARGETS(network)),
    inference('chromium', network, 1, `int8-f32-chromium-${network}`, "int8 against Pare's own f32 in Chromium", int8, [f32], [2, 4]),
  ];
}

function simd128Only(network) {
  const int8 = contestant('pare int8 simd128', 'pare', network, 'int8', 1, { module: '/build/npm/pare.wasm' });
  const peer = contestant('ort-web int8', 'ort', network, 'int8', 1);
  return inference('chromium', network, 1, `int8-simd128-${network}`, 'int8 in Chromium, plain simd128', int8, [peer], [1.8, 2.3]);
}

function batchOf64(network) {
  const f32 = contestant('pare f32', 'pare', network, 'f32', 64, { numerics: 'fast' });
  const peers = [contestant('ort-web f32', 'ort', network, 'f32', 64), contestant('tfjs-wasm f32', 'tfjs', network, 'f32', 64)];
  return inference('chromium', network, 64, `f32-chromium-${network}-64`, 'f32 in Chromium', f32, peers, F32_TARGETS(network));
}

function recurrent(network) {
  const forms = [
    ['f32', { numerics: 'fast' }],
    ['int8', {}],
  ];
  return forms.map(([form, more]) => {
    const ours = contestant(`pare ${form}`, 'pare', network, form, 1, more);
    const peer = contestant(`ort-web ${form}`, 'ort', network, form, 1);
    return inference(
      'chromium',
      network,
      1,
      `${form}-chromium-${network}`,
      `${form === 'f32' ? 'f32' : 'dynamic int8'} in Chromium`,
      ours,
      [peer],
      [1.3, 2],
    );
  });
}

const NATIVE_TARGETS = { int8: [1, 1.4], f32: [0.9, 1.2] };
const natively = (form) => (network) => {
  const ours = contestant(`pare_${form}`, 'pare', network, form, 1, { numerics: form === 'f32' ? 'fast' : 'exact' });
  const peer = contestant(`ort-node ${form}`, 'ort', network, form, 1);
  return inference('native', network, 1, `${form}-native-${network}`, `${form} natively`, ours, [peer], NATIVE_TARGETS[form]);
};

/** The same network twice: as it was, and with less of it. */
function lighter(place, network, form, base, batch, name, title, targets) {
  const numerics = { numerics: base === 'f32' ? 'fast' : 'exact' };
  const ours = contestant(`pare_${form}`, 'pare', network, form, batch, numerics);
  const dense = contestant(`pare_${base}`, 'pare', network, base, batch, numerics);
  return inference(place, network, batch, name, title, ours, [dense], targets);
}

const PLACES = ['chromium', 'native'];
const SPARSE = [
  ['conv64', 1],
  ['dense512', 1],
  ['dense512', 64],
];
const sparse = PLACES.flatMap((place) =>
  SPARSE.flatMap(([network, batch]) => {
    const end = batch > 1 ? `${place}-${network}-${batch}` : `${place}-${network}`;
    const row = (form, base, start, title, targets) =>
      lighter(place, network, form, base, batch, `${start}-${end}`, `${title} against dense, ${place}`, targets);
    return [
      row('sparse90', 'f32', 'sparse90', '90 % sparse f32', [2.5, 5]),
      row('sparse24', 'f32', 'sparse24-f32', '2:4 sparse f32', [1.2, 1.7]),
      row('sparse24_int8', 'int8', 'sparse24-int8', '2:4 sparse int8', [1.2, 1.7]),
    ];
  }),
);
const halves = PLACES.flatMap((place) => [
  lighter(place, 'resnet8', 'half', 'f32', 1, `half-channels-${place}-f32`, `half of the channels removed, f32, ${place}`, [2.5, 3.5]),
  lighter(
    place,
    'resnet8',
    'half_int8',
    'int8',
    1,
    `half-channels-${place}-int8`,
    `half of the channels removed, int8, ${place}`,
    [2.5, 3.5],
  ),
]);

const trainers = {
  fast: (network, place = 'pare') => contestant(`pare_fast`, place, network, 'f32', 64, { numerics: 'fast' }),
  exact: (network) => contestant('pare_exact', 'pare', network, 'f32', 64, { numerics: 'exact' }),
  torch: (network) => contestant('PyTorch', 'torch', network, 'f32', 64),
};

function training(place, network, name, title, ours, peer, [least, aim]) {
  const race = `training-${place}-${network}`;
  const more = { kind: 'training', unit: 'images', race };
  return { ...inference(place, network, 64, name, title, ours, [peer], [least, aim]), ...more };
}

const TRAINED = ['lenet5', 'resnet8_train'];
const trainings = [
  ...TRAINED.map((network) =>
    training(
      'native',
      network,
      `training-native-${network}`,
      'training natively',
      trainers.fast(network),
      trainers.torch(network),
      [1.5, 3],
    ),
  ),
  training(
    'chromium',
    'lenet5',
    'training-chromium-lenet5',
    'training in Chromium against PyTorch natively',
    trainers.fast('lenet5', 'page'),
    trainers.torch('lenet5'),
    [0.6, 1],
  ),
  ...TRAINED.map((network) =>
    training(
      'native',
      network,
      `training-exact-${network}`,
      'exact numerics against fast',
      trainers.exact(network),
      trainers.fast(network),
      [0.5, 0.8],
    ),
  ),
];

/** Evaluations of 10,000 images. */
const pools = ['chromium', 'node'].map((place) => {
  const of = (workers) => contestant(`${workers} worker${workers > 1 ? 's' : ''}`, 'pool', 'lenet5', 'f32', 1, { workers });
  const row = inference(
    place,
    'lenet5',
    1,
    `workers-${place}`,
    `two workers against one, 10,000 images, ${place}`,
    of(2),
    [of(1)],
    [1.8, 1.95],
  );
  return { ...row, kind: 'workers', race: `workers-${place}` };
});

/** No target is set for it: fewer bytes than any peer. */
function bytes() {
  const of = (id, engine) => contestant(id, engine, 'lenet5', 'f32', 1);
  const peers = [of('onnxruntime-web', 'ort'), of('tfjs + wasm', 'tfjs')];
  const row = inference(
    'chromium',
    'lenet5',
    1,
    'bytes',
    'bytes fetched before the first inference, gzip',
    of('pare', 'pare'),
    peers,
    [1, 2],
  );
  return { ...row, kind: 'bytes', unit: 'bytes', race: 'bytes' };
}

export const ROWS = [
  ...BATCH_1.flatMap(inChromium),
  simd128Only('resnet8'),
  ...['resnet8', 'resnet20'].map(batchOf64),
  ...['lstm_small', 'lstm_large'].flatMap(recurrent),
  ...BATCH_1.map(natively('int8')),
  ...BATCH_1.map(natively('f32')),
  ...sparse,
  ...halves,
  ...trainings,
  ...pools,
  bytes(),
];
