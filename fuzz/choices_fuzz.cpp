// Feeds files of choices to their reader. What it accepts must be written and read again as it is;
// made to be for a small network, a session must take it, and run by it. Inputs that are no JSON
// become the file that such a session wrote, with other values.

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "core/json.h"
#include "laconic/error.h"
#include "laconic/session.h"
#include "laconic/threads.h"
#include "runtime/choices.h"
#include "session_graphs.h"
#include "temporary_folder.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace laconic;
using runtime::Choices;

/// Sessions take longer than files do: of sizes one in so many.
constexpr std::size_t sizes_to_a_session = 4;

const std::string& path() {
  static const TemporaryFolder folder;
  static const std::string file = folder.path("choices.json");
  return file;
}

void run() {
  static const auto network =
      session_graphs::quantized(session_graphs::residual_classifier(), "uniform:levels=15");
  Session session(network, {.choices = path()});
  for (const std::int64_t batch : {1, 3}) (void)session_graphs::answer(session, batch);
}

void write(std::string_view content) {
  std::ofstream(path(), std::ios::binary | std::ios::trunc) << content;
}

/// What a session wrote.
struct Seed {
  std::string text;
  Choices choices;
};

const Seed& seed() {
  static const Seed written = [] {
    run();
    std::ifstream file(path(), std::ios::binary);
    return Seed{{std::istreambuf_iterator<char>(file), {}},
                runtime::read_choices(path(), {})->choices};
  }();
  return written;
}

/// For the session's network, layer by layer.
Choices for_network(Choices choices) {
  const Choices& own = seed().choices;
  choices.cpu = own.cpu;
  choices.isa = own.isa;
  choices.network = own.network;
  for (std::size_t i = 0; i < std::min(choices.layers.size(), own.layers.size()); ++i)
    choices.layers[i].node = own.layers[i].node;
  return choices;
}

void collect(Json& from, std::vector<Json*>& all) {
  all.push_back(&from);
  if (!from.is_structured()) return;
  for (Json& inner : from) collect(inner, all);
}

bool same_kind(const Json& one, const Json& other) {
  return one.type() == other.type() || (one.is_number() && other.is_number());
}

/// Replaces a value anywhere in the file by one that means something, mostly of its kind, or an
/// entry of a list by two or by none.
void mutate_value(Json& file, std::minstd_rand& random) {
  static const auto values = Json::parse(
      R"([0, 1, 2, 3, 7, 100, 1000000, -1, 2147483648, 4611686018427387904, 9223372036854775808, 0.5,
          "", "int8", "packed", "01101001100101101001011001101001", true, false,
          [], {}, null, [1, 3, 8, 8], [[3, 3, 8, 8]], [[1, 3, 8, 8], [1]]])");
  std::vector<Json*> all;
  collect(file, all);
  Json& at = *all[random() % all.size()];
  if (at.is_array() && !at.empty() && random() % 2 == 0) {
    const auto entry = random() % at.size();
    if (random() % 2 == 0) {
      at.push_back(Json(at[entry]));
    } else {
      at.erase(entry);
    }
    return;
  }
  const Json* value = &values[random() % values.size()];
  while (!same_kind(*value, at) && random() % 16 != 0) value = &values[random() % values.size()];
  at = *value;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  set_threads(2);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int number) {
  std::minstd_rand random(number);
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Json file = parse_json(seed().text);  // Of others many are refused, whatever else changes.
  if (random() % 2 == 0) {
    try {
      file = parse_json({reinterpret_cast<const char*>(data), size});
    } catch (const Error&) {
    }
  }
  for (auto changes = random() % 4; changes-- > 0;) mutate_value(file, random);
  const std::string text = file.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(seed());
  write({reinterpret_cast<const char*>(data), size});
  Choices choices;
  try {
    auto read = runtime::read_choices(path(), {});
    if (!read) std::abort();
    choices = std::move(read->choices);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_data) std::abort();
    return 0;
  }
  runtime::write_choices(path(), choices);
  if (choices.network.empty()) return 0;  // Of another version, of which nothing is read.
  if (runtime::read_choices(path(), {})->choices != choices) std::abort();
  if (size % sizes_to_a_session != 0) return 0;
  runtime::write_choices(path(), for_network(std::move(choices)));
  run();
  return 0;
}
