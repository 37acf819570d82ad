// Runs a model by ONNX Runtime in headless Chromium: node run.js MODEL X.f32 Y.f32 EXTENT...
// A server on this machine alone hands out the page, the runtime and the inputs, and takes the answer.
const fs = require('fs'), http = require('http'), os = require('os'), path = require('path');
const {spawn} = require('child_process');
const [model, from, to, ...extents] = process.argv.slice(2);
const dist = path.dirname(require.resolve('onnxruntime-web'));
const page = `<!doctype html><script src="/ort.wasm.min.js"></script><script>
(async () => {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = '/';
  const x = new Float32Array(await (await fetch('/x')).arrayBuffer());
  const session = await ort.InferenceSession.create('/model');
  const input = new ort.Tensor('float32', x, [${extents.map(Number)}]);
  const output = (await session.run({[session.inputNames[0]]: input}))[session.outputNames[0]];
  await fetch('/y', {method: 'POST', body: output.data.slice().buffer});
})().catch(error => fetch('/error', {method: 'POST', body: String(error)}));
</script>`;
const types = {'.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm'};

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'laconic-browser-'));
let browser;
function finish(status, words) {
  if (words) console.error(words);
  browser.on('exit', () => {
    fs.rmSync(profile, {recursive: true, force: true, maxRetries: 20});
    process.exit(status);
  });
  process.kill(-browser.pid, 'SIGKILL');  // With all the processes that it has started.
}

const server = http.createServer((request, response) => {
  const name = request.url.slice(1);
  if (request.method === 'POST') {
    const parts = [];
    request.on('data', part => parts.push(part)).on('end', () => {
      response.end();
      const body = Buffer.concat(parts);
      if (name === 'y') fs.writeFileSync(to, body);
      finish(name === 'y' ? 0 : 1, name === 'y' ? '' : body.toString());
    });
    return;
  }
  const file = {x: from, model}[name] || path.join(dist, path.basename(name));
  if (name === '') {
    response.setHeader('Content-Type', 'text/html').end(page);
  } else if (fs.existsSync(file)) {
    response.setHeader('Content-Type', types[path.extname(file)] || 'application/octet-stream');
    fs.createReadStream(file).pipe(response);
  } else {
    response.writeHead(404).end();
  }
});
server.listen(0, '127.0.0.1', () => {
  browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', `--user-data-dir=${profile}`,
    `http://127.0.0.1:${server.address().port}/`], {stdio: 'ignore', detached: true});
  browser.on('error', error => { console.error(error.message); process.exit(1); });
  setTimeout(() => finish(1, 'the browser gave no answer within 60 seconds'), 60000);
});
