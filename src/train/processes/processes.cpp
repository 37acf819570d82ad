#include "train/processes/processes.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "laconic/threads.h"

namespace laconic {

/// How a process does, and how much it is about to give: of one size, so that it can be exchanged
/// before anything is known of the others.
struct Processes::Frame {
  std::int32_t code = -1;  ///< ErrorCode that ended the process; -1: none.
  std::int32_t asked_to_stop = 0;
  std::int64_t bytes = 0;  ///< That follow.
  char what[112] = {};
  char message[384] = {};
};

namespace {

/// For who ends in an error: others may be in the midst of what they share with nobody.
constexpr std::chrono::seconds longest_farewell{30};

template <std::size_t size>
void put(char (&field)[size], std::string_view text) {
  std::memcpy(field, text.data(), std::min(text.size(), size - 1));
}

template <std::size_t size>
std::string_view get(const char (&field)[size]) {
  return {field, ::strnlen(field, size)};
}

/// LibTorch's messages go on over many lines.
std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

Processes& nobody_else() noexcept {
  static Processes instance;
  return instance;
}

Processes*& current() noexcept {
  static Processes* instance = &nobody_else();
  return instance;
}

/// Makes a group the one of this process for a time.
class Membership {
 public:
  explicit Membership(Processes& group) noexcept { current() = &group; }
  ~Membership() { current() = &nobody_else(); }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
};

}  // namespace

Processes& processes() noexcept {
  return *current();
}

Processes::Processes(const ProcessPlace& place, std::unique_ptr<Transport> transport)
    : rank_(place.rank), size_(place.size), transport_(std::move(transport)) {}

ProcessShare Processes::share(std::int64_t count) const noexcept {
  return {count * rank_ / size_, count * (rank_ + 1) / size_};
}

template <typename Call>
void Processes::reach(Call call) {
  try {
    call();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    over_ = true;
    transport_->abandon();
    fail(ErrorCode::lost_process,
         "process {} of {} has lost another, which ended or does not answer: {}", rank_, size_,
         first_line(error.what()));
  }
}

std::vector<Processes::Frame> Processes::tell(const Frame& mine, std::chrono::seconds limit) {
  static_assert(std::is_trivially_copyable_v<Frame>);
  std::vector<Frame> frames(static_cast<std::size_t>(size_));
  reach([&] {
    transport_->gather(std::as_bytes(std::span(&mine, 1)),
                       std::as_writable_bytes(std::span(frames)), limit);
  });
  return frames;
}

void Processes::exchange(const at::Tensor& sent, std::vector<std::int64_t> to,
                         const at::Tensor& received, std::vector<std::int64_t> from) {
  reach([&] { transport_->exchange(sent, std::move(to), received, std::move(from)); });
}

void Processes::gather(const at::Tensor& mine, const at::Tensor& all) {
  reach([&] { transport_->gather(mine, all); });
}

void Processes::check(const std::vector<Frame>& frames) {
  const auto ended = std::ranges::find_if(frames, [](const auto& f) { return f.code >= 0; });
  if (ended != frames.end()) {
    over_ = true;
    fail(static_cast<ErrorCode>(ended->code), "process {} of {} ended: {}", ended - frames.begin(),
         size_, get(ended->message));
  }
  const auto other = std::ranges::find_if(
      frames, [&](const auto& f) { return get(f.what) != get(frames[0].what); });
  if (other != frames.end()) {
    over_ = true;
    fail(ErrorCode::invalid_argument,
         "the processes do different things: process 0 is at \"{}\", process {} at \"{}\"; all "
         "must be started with the same command",
         get(frames[0].what), other - frames.begin(), get(other->what));
  }
  if (std::ranges::any_of(frames, [](const auto& f) { return f.asked_to_stop != 0; })) {
    stop_asked_ = true;
  }
}

std::vector<Bytes> Processes::gather_within_step(std::string_view what,
                                                 std::span<const std::byte> mine) {
  if (alone()) return {{mine.begin(), mine.end()}};
  Frame frame;
  frame.asked_to_stop = interrupt_requested();
  frame.bytes = std::ssize(mine);
  put(frame.what, what);
  const auto frames = tell(frame, longest_wait);
  check(frames);
  const auto most = static_cast<std::size_t>(
      std::ranges::max_element(frames, {}, [](const auto& f) { return f.bytes; })->bytes);
  std::vector<Bytes> out(frames.size());
  if (most == 0) return out;
  Bytes padded(mine.begin(), mine.end()), all(most * frames.size());
  padded.resize(most);
  reach([&] { transport_->gather(padded, all, longest_wait); });
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto from = std::span(all).subspan(i * most, static_cast<std::size_t>(frames[i].bytes));
    out[i].assign(from.begin(), from.end());
  }
  return out;
}

std::vector<Bytes> Processes::gather(std::string_view what, std::span<const std::byte> mine) {
  auto out = gather_within_step(what, mine);
  if (stop_asked_) {
    fail(ErrorCode::interrupted, "interrupted: stopped as asked, nothing was written");
  }
  return out;
}

Bytes Processes::broadcast(std::string_view what, std::span<const std::byte> of_first) {
  return std::move(gather(what, is_first() ? of_first : std::span<const std::byte>{})[0]);
}

void Processes::check_same(std::string_view what, std::string_view text) {
  if (alone()) return;
  const auto all = gather(what, std::as_bytes(std::span(text)));
  const auto other = std::ranges::find_if(all, [&](const auto& one) { return one != all[0]; });
  if (other == all.end()) return;
  fail(ErrorCode::invalid_argument,
       "the {} of process {} is not that of process 0: all must be started with the same command, "
       "on the same data and machines of one kind",
       what, other - all.begin());
}

void Processes::finish() {
  (void)gather_within_step("the end", {});
  over_ = true;
}

void Processes::leave(ErrorCode code, std::string_view message) noexcept {
  if (alone() || over_) return;
  try {
    Frame frame;
    frame.code = static_cast<std::int32_t>(code);
    put(frame.message, message);
    (void)tell(frame, longest_farewell);
  } catch (const std::exception&) {
    // Who cannot be told will find this process gone.
  }
  over_ = true;
}

void run_together(const ProcessPlace& place, const std::function<void()>& work,
                  std::chrono::seconds limit) {
  if (place.size == 1) return work();
  Processes group(place, connect(place, limit));
  const Membership membership(group);
  try {
    work();
    group.finish();
  } catch (const Error& error) {
    group.leave(error.code(), error.what());
    throw;
  } catch (const std::bad_alloc&) {
    group.leave(ErrorCode::lost_process, "not enough memory");
    throw;
  } catch (const std::exception& error) {
    group.leave(ErrorCode::lost_process, first_line(error.what()));
    throw;
  }
}

}  // namespace laconic
