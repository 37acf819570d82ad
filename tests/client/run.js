// Runs a model by ONNX Runtime: node run.js MODEL X.f32 Y.f32 EXTENT...
const ort = require('onnxruntime-node'), fs = require('fs');
const [model, from, to, ...extents] = process.argv.slice(2);
(async () => {
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(from);
  const x = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const input = new ort.Tensor('float32', x, extents.map(Number));
  const output = (await session.run({[session.inputNames[0]]: input}))[session.outputNames[0]];
  fs.writeFileSync(to, Buffer.from(output.data.buffer, output.data.byteOffset, output.data.length * 4));
})().catch(error => { console.error(error.message); process.exit(1); });
