// laconic <verb> INPUT -o OUTPUT: results on standard output, words on standard error.

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <new>
#include <string_view>

#include "context.h"
#include "laconic/error.h"
#include "laconic/spec.h"
#include "laconic/threads.h"
#include "verbs.h"

namespace laconic::cli {
namespace {

int complain(Status status, std::string_view message) {
  fmt::print(stderr, "laconic: {}\n", message);
  return status;
}

Status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return usage;
    case ErrorCode::invalid_data:
    case ErrorCode::corrupt_data:
    case ErrorCode::unsupported_version:
    case ErrorCode::unsupported_operator:
      return bad_input;
    case ErrorCode::unsupported_hardware:
    case ErrorCode::cannot_write:
    case ErrorCode::out_of_reach:
    case ErrorCode::diverged:
    case ErrorCode::interrupted:
    case ErrorCode::lost_process:
      return could_not;
  }
  return could_not;
}

/// The first signal asks work to stop in order; a second one ends the process as usual.
void on_signal(int signal) {
  request_interrupt();
  std::signal(signal, SIG_DFL);
}

void listen_for_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// Runs before the initialisers of shared libraries: LibTorch's take a third of a second or more,
/// in which a signal would end the process, or be lost where a shell had it ignored.
[[gnu::section(".preinit_array"), gnu::used]] void (*const first_of_all)() = listen_for_signals;
#endif

/// A first word that is no verb, answered with the verbs.
void check_verb(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<MemberInfo> rows;
  for (const auto& verb : verbs()) rows.push_back({verb.name, verb.summary, "", {}});
  if (std::none_of(rows.begin(), rows.end(),
                   [&](const auto& row) { return row.name == argv[1]; })) {
    // The family parser knows how to name the nearest; a colon would start options.
    const std::string_view word = argv[1];
    (void)parse_spec("verb", word.substr(0, word.find(':')), rows);
  }
}

/// Training takes and gives back the same memory at every step: the C library keeps it for the next
/// one, rather than asking the system anew (which took a third of the time of a small LSTM's step).
/// Other verbs give back what they need no more.
void keep_freed_memory(std::string_view verb) {
  if (verb != "train" && verb != "compress") return;
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

int run(int argc, char** argv) {
  if (argc > 1) keep_freed_memory(argv[1]);
  CLI::App app("Laconic makes a trained neural network say the same in fewer bits.", "laconic");
  app.set_version_flag("--version", "laconic " LACONIC_VERSION);
  app.require_subcommand(1);
  app.footer(
      "laconic VERB --help tells a verb's options; laconic list tells every member of every "
      "family.");
  Context context;
  context.command = {"laconic"};
  context.command.insert(context.command.end(), argv + std::min(argc, 1), argv + argc);
  for (const auto& verb : verbs())
    verb.add(*app.add_subcommand(std::string(verb.name), std::string(verb.summary)), context);
  try {
    check_verb(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    if (argc < 2) {
      std::string names;
      for (const auto& verb : verbs())
        names += fmt::format("{}{}", names.empty() ? "" : ", ", verb.name);
      return complain(usage, fmt::format("a verb is needed: {}; laconic --help tells more", names));
    }
    std::string message = error.what();
    for (const auto* verb : app.get_subcommands()) {
      message += fmt::format("; laconic {} --help tells what is allowed", verb->get_name());
    }
    return complain(usage, message);
  }
  listen_for_signals();
  set_threads(context.threads);
  check_record(context);
  context.run();
  return done;
}

}  // namespace
}  // namespace laconic::cli

int main(int argc, char** argv) {
  using namespace laconic;
  using namespace laconic::cli;
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    return complain(status_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return complain(could_not, "not enough memory");
  } catch (const std::exception& error) {
    return complain(could_not, error.what());
  }
}
