#include "rival.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "laconic/error.h"
#include "laconic/model.h"
#include "laconic/onnx.h"
#include "laconic/threads.h"

extern char** environ;

namespace laconic::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

/// Reads what is asked for from a file, and prints what came of it. Errors are printed too: a
/// program that ends otherwise has no words to pass on.
constexpr const char* script = R"js(
const fs = require('fs'), asked = JSON.parse(fs.readFileSync(process.argv[1]));
const arrays = {float32: Float32Array, float64: Float64Array, int64: BigInt64Array,
                int32: Int32Array, uint8: Uint8Array, bool: Uint8Array};
(async () => {
  const paths = [asked.modules || process.cwd()].concat((process.env.NODE_PATH || '').split(':'));
  const entry = require.resolve('onnxruntime-node', {paths: paths.filter(p => p)});
  const ort = require(entry);
  const options = {intraOpNumThreads: asked.threads, interOpNumThreads: 1};
  const sessions = [];
  for (const model of asked.models) sessions.push(await ort.InferenceSession.create(model, options));
  const times = sessions.map(() => []);
  for (const set of asked.inputs) {
    const feeds = {};
    for (const {name, type, shape, file} of set) {
      const bytes = fs.readFileSync(file), Array = arrays[type];
      const data = new Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      feeds[name] = new ort.Tensor(type, data, shape);
    }
    for (const [i, session] of sessions.entries()) {
      await session.run(feeds);
      const taken = [], end = Date.now() + 1000 * asked.seconds;
      do {
        const start = process.hrtime.bigint();
        await session.run(feeds);
        taken.push(Number(process.hrtime.bigint() - start) / 1e6);
      } while (Date.now() < end);
      times[i].push(taken);
    }
  }
  console.log(JSON.stringify({version: ort.env.versions.node || ort.env.versions.common, times}));
})().catch(error => console.log(JSON.stringify({error: error.message.split('\n')[0]})));
)js";

[[noreturn]] void fail_to_run(std::string_view why) {
  fail(ErrorCode::invalid_argument, "ONNX Runtime cannot be run for comparison: {}", why);
}

/// A program that runs beside this one, and ends with the object at the latest.
class Child {
 public:
  explicit Child(std::vector<std::string> words) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail_to_run("no pipe could be made");
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int error = posix_spawnp(&id_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0) return;
    close(output_);
    fail_to_run(fmt::format("there is no program named {}", words[0]));
  }
  ~Child() {
    close(output_);
    kill(id_, SIGKILL);  // Of one that has ended, nothing is left but its status.
    while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// All that it prints until it ends. Throws Error(interrupted) when that is asked for; a terminal
  /// asks both programs, so its end may come first.
  std::string read_all() {
    std::string out;
    std::array<char, 4096> part;
    for (;;) {
      throw_if_interrupted();
      pollfd wait{output_, POLLIN, 0};
      constexpr int milliseconds = 50;
      if (poll(&wait, 1, milliseconds) <= 0) continue;
      const ssize_t got = read(output_, part.data(), part.size());
      if (got == 0) break;
      if (got > 0) out.append(part.data(), static_cast<std::size_t>(got));
    }
    throw_if_interrupted();
    return out;
  }

 private:
  int output_ = -1;
  pid_t id_ = 0;
};

/// What `node` prints for the script and one argument.
std::string run_node(const std::string& argument) {
  return Child({"node", "-e", script, argument}).read_all();
}

/// Adds the times of a set of inputs, and sorts them all. Throws what the JSON library throws.
void add_times(std::vector<double>& to, const Json& from) {
  for (const double time : from) to.push_back(time);
  if (to.empty()) fail_to_run("it timed no run");
  std::ranges::sort(to);
}

}  // namespace

Rival::Folder::Folder() {
  auto name = (fs::temp_directory_path() / "laconic-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    fail(ErrorCode::cannot_write, "no folder can be made in {}",
         fs::temp_directory_path().string());
  }
  path = name;
}

Rival::Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

Rival::Rival(const fs::path& model, fs::path modules) : modules_(std::move(modules)) {
  times_ = {{"float", {}, {}}};
  if (!is_compressed_file(model)) {
    write_onnx(read_onnx(model), folder_ / "float.onnx");
    return;
  }
  const auto network = load(model);
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [key, parameter] : network.tensors) tensors.emplace(key, parameter.tensor);
  write_onnx(network.graph, folder_ / "float.onnx", tensors, QuantizedForm::dense);
  write_onnx(network.graph, folder_ / "int8.onnx", tensors, QuantizedForm::dequantize);
  times_.push_back({"int8", {}, {}});
}

void Rival::measure(const std::vector<ValueInfo>& inputs, const std::vector<Constant>& one,
                    const std::vector<Constant>& many, int threads, double seconds) {
  Json asked{{"modules", modules_.string()}, {"threads", threads}, {"seconds", seconds}};
  for (const Times& times : times_) {
    asked["models"].push_back((folder_ / (times.form + ".onnx")).string());
  }
  for (const auto* set : {&one, &many}) {
    Json listed = Json::array();
    for (std::size_t i = 0; i < set->size(); ++i) {
      const Constant& value = (*set)[i];
      const auto file = folder_ / fmt::format("{}-{}", asked["inputs"].size(), i);
      write_file(file, value.bytes());
      listed.push_back({{"name", inputs[i].name},
                        {"type", name(value.type())},
                        {"shape", value.shape()},
                        {"file", file.string()}});
    }
    asked["inputs"].push_back(listed);
  }
  const std::string text = asked.dump();
  write_file(folder_ / "asked.json", std::as_bytes(std::span(text)));
  const auto answer = Json::parse(run_node((folder_ / "asked.json").string()), nullptr, false);
  if (answer.is_discarded()) fail_to_run("it ended without an answer");
  try {
    if (answer.contains("error")) fail_to_run(answer["error"].get<std::string>());
    version_ = answer.at("version").get<std::string>();
    for (std::size_t i = 0; i < times_.size(); ++i) {
      add_times(times_[i].one, answer.at("times").at(i).at(0));
      add_times(times_[i].many, answer.at("times").at(i).at(1));
    }
  } catch (const Json::exception&) {
    fail_to_run("its answer has another form than the script's");
  }
}

}  // namespace laconic::cli
