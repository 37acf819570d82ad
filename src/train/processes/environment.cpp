#include <charconv>
#include <cstdlib>
#include <string_view>

#include "laconic/error.h"
#include "laconic/processes.h"

namespace laconic {
namespace {

constexpr int most_processes = 65536, highest_port = 65535;

const char* variable(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): what is set here, once, is another.
}

int number(std::string_view name, std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    fail(ErrorCode::invalid_argument,
         "the environment's {} is \"{}\", but must be a whole number from {} to {}", name, text,
         least, most);
  }
  return value;
}

std::string_view needed(const char* name) {
  const char* text = variable(name);
  if (text == nullptr || *text == '\0') {
    fail(ErrorCode::invalid_argument,
         "the environment has no {}: several processes need RANK, WORLD_SIZE, MASTER_ADDR and "
         "MASTER_PORT, and a process alone neither RANK nor WORLD_SIZE",
         name);
  }
  return text;
}

}  // namespace

ProcessPlace place_from_environment() {
  if (variable("RANK") == nullptr && variable("WORLD_SIZE") == nullptr) return {};
  ProcessPlace place;
  place.size = number("WORLD_SIZE", needed("WORLD_SIZE"), 1, most_processes);
  place.rank = number("RANK", needed("RANK"), 0, most_processes - 1);
  if (place.rank >= place.size) {
    fail(ErrorCode::invalid_argument,
         "the environment's RANK is {}, but must be below its WORLD_SIZE, {}", place.rank,
         place.size);
  }
  if (place.size == 1) return place;
  place.address = needed("MASTER_ADDR");
  place.port =
      static_cast<std::uint16_t>(number("MASTER_PORT", needed("MASTER_PORT"), 1, highest_port));
  const char* agent = variable("TORCHELASTIC_USE_AGENT_STORE");
  place.hosted = agent != nullptr && std::string_view(agent) == "True";
  if (const char* count = variable("TORCHELASTIC_RESTART_COUNT")) place.attempt = count;
  return place;
}

int local_rank_from_environment() {
  const char* text = variable("LOCAL_RANK");
  return text == nullptr ? 0 : number("LOCAL_RANK", text, 0, most_processes - 1);
}

}  // namespace laconic
