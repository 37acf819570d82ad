// The program, started as several processes that share their work, as torchrun would start them.

#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/atomic_file.h"
#include "temporary_folder.h"

namespace laconic {

/// A port of the loopback address that nobody listens at.
inline int free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(place);
  ::bind(handle, reinterpret_cast<sockaddr*>(&place), size);
  ::getsockname(handle, reinterpret_cast<sockaddr*>(&place), &size);
  ::close(handle);
  return ntohs(place.sin_port);
}

inline bool wait_until(const std::function<bool()>& so, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// One process. Ends with its object at the latest.
class Started {
 public:
  Started(const std::vector<std::string>& arguments, const std::vector<std::string>& variables,
          std::string log)
      : log_(std::move(log)) {
    std::vector<char*> words, setting;
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    // Before the process starts: said() and printed() may be asked for at once.
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode = 0600;
    const int output = ::open((log_ + ".out").c_str(), flags, mode);
    const int errors = ::open(log_.c_str(), flags, mode);
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(output);
      ::close(errors);
      return;
    }
    for (const auto& variable : variables) ::putenv(const_cast<char*>(variable.c_str()));
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  ~Started() {
    if (running()) signal(SIGKILL);
    if (pid_ > 0 && !ended_) ::waitpid(pid_, nullptr, 0);
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  [[nodiscard]] bool running() {
    if (!ended_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
    return !ended_;
  }
  /// Exit status; -1: killed, or still running.
  [[nodiscard]] int status() {
    return !running() && WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }
  [[nodiscard]] std::string said() const { return text(log_); }
  [[nodiscard]] std::string printed() const { return text(log_ + ".out"); }

 private:
  static std::string text(const std::string& path) {
    const auto bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string log_;
  ::pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace laconic
