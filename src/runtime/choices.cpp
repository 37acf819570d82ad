#include "runtime/choices.h"

#include <sys/utsname.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <new>
#include <tuple>

#include "core/atomic_file.h"
#include "core/json.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic::runtime {
namespace {

constexpr std::string_view format = "laconic choices";
constexpr std::int64_t version = 1;
constexpr std::uintmax_t most_bytes = 16'000'000;

constexpr std::array chosen = {LayerKernels::int8, LayerKernels::packed, LayerKernels::dense};

class Digest {
 public:
  Digest() : state_(XXH3_createState(), &XXH3_freeState) {
    if (!state_) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }
  void add(std::span<const std::byte> bytes) {
    number(std::ssize(bytes));
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }
  void add(const Shape& shape) { add(std::as_bytes(std::span(shape))); }
  void number(std::int64_t value) { XXH3_128bits_update(state_.get(), &value, sizeof value); }
  [[nodiscard]] std::string text() const {
    const auto value = XXH3_128bits_digest(state_.get());
    return fmt::format("{:016x}{:016x}", value.high64, value.low64);
  }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

void add_weights(const Program& program, const Node& node, Digest& digest) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const auto found = program.constants.find(node.inputs[i]);
    if (found == program.constants.end()) continue;
    const Value& value = found->second;
    digest.number(static_cast<std::int64_t>(i));
    digest.add(value.signature.shape);
    if (!value.quantized) continue;
    digest.number(value.quantized->block_size);
    for (const Codebook& codebook : value.quantized->codebooks)
      digest.add(std::as_bytes(codebook.levels()));
  }
}

/// As JSON has it, whatever its bytes.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// As it will be read again.
std::string printable(const std::string& text) {
  return Json::parse(quoted(text)).get<std::string>();
}

[[noreturn]] void refuse(std::string_view what) {
  fail(ErrorCode::invalid_data, "{}", what);
}

const Json& field(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) fail(ErrorCode::invalid_data, "\"{}\" is missing", key);
  return *found;
}

std::int64_t whole(const Json& json, const char* key) {
  const Json& value = field(json, key);
  // What is too large for an integer is a number with a fraction to the parser.
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() >> 63))
    fail(ErrorCode::invalid_data, "\"{}\" is no whole number", key);
  const auto number = value.get<std::int64_t>();
  if (number < 0)
    fail(ErrorCode::invalid_data, "\"{}\" is {}, but must be at least 0", key, number);
  return number;
}

std::string text(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_string()) fail(ErrorCode::invalid_data, "\"{}\" is no text", key);
  return value.get<std::string>();
}

bool truth(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_boolean()) fail(ErrorCode::invalid_data, "\"{}\" is not true or false", key);
  return value.get<bool>();
}

const Json& list(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_array()) fail(ErrorCode::invalid_data, "\"{}\" is no list", key);
  return value;
}

void check_object(const Json& json, std::string_view what) {
  if (!json.is_object()) fail(ErrorCode::invalid_data, "{} is no object", what);
}

LayerKernels to_kernels(const Json& json) {
  const auto found = std::ranges::find_if(chosen, [&](LayerKernels kernels) {
    return json.is_string() && json.get_ref<const std::string&>() == name(kernels);
  });
  if (found == chosen.end()) refuse("\"kernels\" must be int8, packed or dense");
  return *found;
}

Choices::Layer to_layer(const Json& json) {
  check_object(json, "an entry of \"layers\"");
  Choices::Layer layer{text(json, "node"), {}};
  for (const Json& one : list(json, "kernels")) layer.kernels.push_back(to_kernels(one));
  return layer;
}

Shape to_shape(const Json& json) {
  Shape shape;
  if (!json.is_array()) refuse("an entry of \"shapes\" is no list");
  for (const Json& extent : json) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() >> 62)
      refuse("\"shapes\" has what is no extent");
    shape.push_back(extent.get<std::int64_t>());
  }
  return shape;
}

Choices::Steps to_steps(const Json& json) {
  check_object(json, "an entry of \"steps\"");
  const auto threads = whole(json, "threads");
  if (threads > 1'000'000) fail(ErrorCode::invalid_data, "\"threads\" is {}", threads);
  Choices::Steps steps{static_cast<int>(threads), {}, {}};
  for (const Json& shape : list(json, "shapes")) steps.shapes.push_back(to_shape(shape));
  for (const char step : text(json, "alone")) {
    if (step != '0' && step != '1') refuse("\"alone\" must be of 0 and 1");
    steps.alone.push_back(step == '1');
  }
  return steps;
}

[[noreturn]] void refuse_file(const std::filesystem::path& path, std::string_view why) {
  fail(ErrorCode::invalid_data,
       "\"{}\" is no file of choices: {}; remove it to have kernels measured again", path.string(),
       why);
}

/// Another version may hold anything else.
ReadChoices parse(std::string_view content, const Choices& wanted) {
  const Json json = parse_json(content);
  check_object(json, "it");
  if (text(json, "format") != format)
    fail(ErrorCode::invalid_data, "\"format\" is not \"{}\"", format);
  if (whole(json, "version") != version) return {{}, "it is of another version"};
  ReadChoices read{{text(json, "cpu"), text(json, "isa"), text(json, "network")}, {}};
  Choices& choices = read.choices;
  for (const Json& layer : list(json, "layers")) choices.layers.push_back(to_layer(layer));
  choices.samples_at_once = whole(json, "samples_at_once");
  choices.largest_batch = whole(json, "largest_batch");
  choices.settled = truth(json, "settled");
  for (const Json& steps : list(json, "steps")) choices.steps.push_back(to_steps(steps));
  if (choices.cpu != wanted.cpu) {
    read.stale = fmt::format("it is for another CPU, {}", choices.cpu);
  } else if (choices.isa != wanted.isa) {
    read.stale = fmt::format("it is for {}, not {}", choices.isa, wanted.isa);
  } else if (choices.network != wanted.network) {
    read.stale = "it is for another network, or inputs of other shapes";
  }
  return read;
}

/// Lists with an entry a line.
class Lines {
 public:
  explicit Lines(std::string_view key) : text_(fmt::format(",\n  \"{}\": [", key)) {}
  void add(const std::string& entry) {
    text_ += (any_ ? ",\n    " : "\n    ") + entry;
    any_ = true;
  }
  [[nodiscard]] std::string text() const { return text_ + (any_ ? "\n  ]" : "]"); }

 private:
  std::string text_;
  bool any_ = false;
};

std::string to_text(const Choices& choices) {
  Lines layers("layers"), steps("steps");
  for (const auto& [node, all] : choices.layers) {
    std::vector<std::string> names;
    for (const auto kernels : all) names.push_back(quoted(std::string(name(kernels))));
    layers.add(
        fmt::format("{{\"node\": {}, \"kernels\": [{}]}}", quoted(node), fmt::join(names, ", ")));
  }
  for (const auto& [threads, shapes, all] : choices.steps) {
    std::string alone;
    for (const bool one : all) alone += one ? '1' : '0';
    steps.add(fmt::format("{{\"threads\": {}, \"shapes\": {}, \"alone\": \"{}\"}}", threads,
                          Json(shapes).dump(), alone));
  }
  return fmt::format(
      "{{\n  \"format\": \"{}\",\n  \"version\": {},\n  \"cpu\": {},\n  \"isa\": {},\n"
      "  \"network\": {}{},\n  \"samples_at_once\": {},\n  \"largest_batch\": {},\n"
      "  \"settled\": {}{}\n}}\n",
      format, version, quoted(choices.cpu), quoted(choices.isa), quoted(choices.network),
      layers.text(), choices.samples_at_once, choices.largest_batch, choices.settled, steps.text());
}

}  // namespace

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname system{};
  return ::uname(&system) == 0 ? std::string(system.machine) : "unknown";
}

std::string fingerprint(const Program& program, std::span<const std::size_t> layers,
                        std::span<const Value> inputs) {
  Digest digest;
  digest.add(pack_graph(program.graph));
  for (const Value& input : inputs) digest.add(input.signature.shape);
  for (const std::size_t layer : layers) add_weights(program, program.graph.nodes[layer], digest);
  return digest.text();
}

std::optional<ReadChoices> read_choices(const std::filesystem::path& path, const Choices& wanted) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    refuse_file(path, "it is not a file");
  if (std::filesystem::file_size(path, error) > most_bytes && !error)
    refuse_file(path, fmt::format("it has more than {} bytes", most_bytes));
  const auto bytes = read_file(path);
  try {
    return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, wanted);
  } catch (const Error& damage) {
    refuse_file(path, damage.what());
  }
}

void write_choices(const std::filesystem::path& path, const Choices& choices) {
  const auto content = to_text(choices);
  write_file(path, std::as_bytes(std::span(content)));
}

ChoicesKeeper::ChoicesKeeper(std::filesystem::path path, const Program& program,
                             std::span<const std::size_t> layers, std::span<const Value> inputs)
    : path_(std::move(path)) {
  for (const std::size_t node : layers)
    layers_.push_back({node, printable(describe(program.graph.nodes[node]))});
  kept_.cpu = printable(cpu_name());
  kept_.isa = name(active_isa());
  kept_.network = fingerprint(program, layers, inputs);
}

void ChoicesKeeper::take(ChosenKernels& kernels, BatchTuning* tuning) {
  auto read = read_choices(path_, kept_);
  if (!read) return;
  report_.stale = std::move(read->stale);
  if (!report_.stale.empty()) return;
  kept_ = std::move(read->choices);
  kernels.recorded = by_node();
  if (tuning == nullptr) return;
  tuning->samples = kept_.samples_at_once;
  tuning->largest = kept_.samples_at_once > 0 ? kept_.largest_batch : 0;
  tuning->settled = kept_.samples_at_once > 0 && kept_.settled;
  for (const auto& steps : kept_.steps) {
    if (steps.threads == threads()) tuning->alone.insert_or_assign(steps.shapes, steps.alone);
  }
}

void ChoicesKeeper::keep(const ChosenKernels& kernels, const PreparedLayers& prepared,
                         const BatchTuning* tuning) {
  Choices now = kept_;
  now.layers.clear();
  report_.taken = report_.chosen = 0;
  for (const auto& [node, name] : layers_) {
    const auto recorded = kernels.recorded.find(node);
    std::vector<LayerKernels> all;
    if (recorded != kernels.recorded.end()) all = recorded->second;
    if (kernels.of(node) == LayerKernels::fastest && prepared[node]) {
      all.clear();
      for (const auto& part : prepared[node]->parts) all.push_back(part.kernels);
      const auto taken = std::min(all.size(), kernels.recorded_of(node).size());
      report_.taken += static_cast<std::int64_t>(taken);
      report_.chosen += static_cast<std::int64_t>(all.size() - taken);
    }
    if (!all.empty()) now.layers.push_back({name, std::move(all)});
  }
  if (tuning != nullptr) {
    now.samples_at_once = tuning->samples;
    now.largest_batch = tuning->largest;
    now.settled = tuning->settled;
    std::erase_if(now.steps, [](const auto& steps) { return steps.threads == threads(); });
    for (const auto& [shapes, alone] : tuning->alone)
      now.steps.push_back({threads(), shapes, alone});
    std::ranges::sort(now.steps, {},
                      [](const auto& steps) { return std::tie(steps.threads, steps.shapes); });
  }
  if (now == kept_) return;
  write_choices(path_, now);
  kept_ = std::move(now);
  ++report_.writings;
}

std::map<std::size_t, std::vector<LayerKernels>> ChoicesKeeper::by_node() const {
  std::map<std::string, std::vector<const Choices::Layer*>, std::less<>> named;
  for (const auto& layer : kept_.layers) named[layer.node].push_back(&layer);
  std::map<std::string, std::size_t, std::less<>> seen;  // A name may be that of several nodes.
  std::map<std::size_t, std::vector<LayerKernels>> out;
  for (const auto& [node, name] : layers_) {
    const auto found = named.find(name);
    const auto which = seen[name]++;
    if (found != named.end() && which < found->second.size())
      out.emplace(node, found->second[which]->kernels);
  }
  return out;
}

}  // namespace laconic::runtime
