#include "laconic/c_api.h"

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "laconic/error.h"
#include "laconic/session.h"
#include "laconic/threads.h"

struct laconic_session {
  std::optional<laconic::Session> session;
  std::vector<laconic::TensorView> views;
  std::string error;
};

namespace {

static_assert(static_cast<int>(laconic::LayerKernels::fastest) == LACONIC_KERNELS_FASTEST &&
              static_cast<int>(laconic::LayerKernels::int8) == LACONIC_KERNELS_INT8 &&
              static_cast<int>(laconic::LayerKernels::packed) == LACONIC_KERNELS_PACKED &&
              static_cast<int>(laconic::LayerKernels::dense) == LACONIC_KERNELS_DENSE);

int status_of(laconic::ErrorCode code) noexcept {
  switch (code) {
    case laconic::ErrorCode::invalid_argument:
      return LACONIC_INVALID_ARGUMENT;
    case laconic::ErrorCode::invalid_data:
      return LACONIC_INVALID_DATA;
    case laconic::ErrorCode::corrupt_data:
      return LACONIC_CORRUPT_DATA;
    case laconic::ErrorCode::unsupported_version:
      return LACONIC_UNSUPPORTED_VERSION;
    case laconic::ErrorCode::unsupported_operator:
      return LACONIC_UNSUPPORTED_OPERATOR;
    default:
      return LACONIC_FAILED;
  }
}

/// Calls body() and keeps what it throws as a sentence, if there is memory for one.
template <typename Body>
int guarded(laconic_session& session, const Body& body) noexcept {
  try {
    body();
    return LACONIC_OK;
  } catch (const laconic::Error& error) {
    try {
      session.error = error.what();
    } catch (const std::bad_alloc&) {
      session.error.clear();
    }
    return status_of(error.code());
  } catch (const std::bad_alloc&) {
    session.error = "no memory";  // Short enough to need none.
    return LACONIC_NO_MEMORY;
  } catch (...) {
    session.error = "failed";
    return LACONIC_FAILED;
  }
}

[[noreturn]] void refuse(const char* what) {
  laconic::fail(laconic::ErrorCode::invalid_argument, "{}", what);
}

laconic::Session& loaded(laconic_session& session) {
  if (!session.session) refuse("the session was not loaded");
  return *session.session;
}

laconic::TensorView to_view(const laconic_tensor& tensor) {
  if ((tensor.shape == nullptr && tensor.rank > 0) || (tensor.data == nullptr && tensor.bytes > 0))
    refuse("an input has no shape or no data");
  if (tensor.type < 0 || tensor.type > 255) refuse("an input has a type that does not exist");
  return {static_cast<laconic::ElementType>(tensor.type),
          {tensor.shape, tensor.rank},
          {static_cast<const std::byte*>(tensor.data), tensor.bytes}};
}

const char* name_at(std::span<const laconic::ValueInfo> values, std::size_t index) {
  return index < values.size() ? values[index].name.c_str() : nullptr;
}

}  // namespace

int laconic_load(const char* path, enum laconic_kernels kernels, laconic_session** session) {
  return laconic_load_with_choices(path, kernels, nullptr, session);
}

int laconic_load_with_choices(const char* path, enum laconic_kernels kernels, const char* choices,
                              laconic_session** session) {
  if (session == nullptr) return LACONIC_INVALID_ARGUMENT;
  *session = new (std::nothrow) laconic_session;
  if (*session == nullptr) return LACONIC_NO_MEMORY;
  return guarded(**session, [&] {
    if (path == nullptr) refuse("there is no path");
    if (kernels < LACONIC_KERNELS_FASTEST || kernels > LACONIC_KERNELS_DENSE)
      refuse("there are no such kernels");
    laconic::SessionOptions options;
    options.kernels = static_cast<laconic::LayerKernels>(kernels);
    if (choices != nullptr) options.choices = choices;
    (*session)->session = laconic::Session::open(path, options);
  });
}

void laconic_free(laconic_session* session) {
  delete session;
}

const char* laconic_error_text(const laconic_session* session) {
  return session == nullptr ? "there is no session" : session->error.c_str();
}

size_t laconic_input_count(const laconic_session* session) {
  return session != nullptr && session->session ? session->session->inputs().size() : 0;
}

size_t laconic_output_count(const laconic_session* session) {
  return session != nullptr && session->session ? session->session->outputs().size() : 0;
}

const char* laconic_input_name(const laconic_session* session, size_t index) {
  if (index >= laconic_input_count(session)) return nullptr;
  return name_at(session->session->inputs(), index);
}

const char* laconic_output_name(const laconic_session* session, size_t index) {
  if (index >= laconic_output_count(session)) return nullptr;
  return name_at(session->session->outputs(), index);
}

int laconic_input_info(laconic_session* session, size_t index, laconic_tensor* info) {
  if (session == nullptr || info == nullptr) return LACONIC_INVALID_ARGUMENT;
  return guarded(*session, [&] {
    const auto inputs = loaded(*session).inputs();
    if (index >= inputs.size()) refuse("there is no input of that index");
    const auto& input = inputs[index];
    *info = {static_cast<int32_t>(input.type), input.shape.size(), input.shape.data(), nullptr, 0};
  });
}

int laconic_run(laconic_session* session, const laconic_tensor* inputs, size_t input_count,
                laconic_tensor* outputs, size_t output_count) {
  if (session == nullptr) return LACONIC_INVALID_ARGUMENT;
  return guarded(*session, [&] {
    if ((inputs == nullptr && input_count > 0) || (outputs == nullptr && output_count > 0))
      refuse("there are no inputs or no outputs");
    auto& network = loaded(*session);
    if (output_count > network.outputs().size()) refuse("the network has fewer outputs");
    session->views.clear();
    for (size_t i = 0; i < input_count; ++i) session->views.push_back(to_view(inputs[i]));
    const auto answers = network.run(session->views);
    for (size_t i = 0; i < output_count; ++i) {
      outputs[i] = {static_cast<int32_t>(answers[i].type), answers[i].shape.size(),
                    answers[i].shape.data(), answers[i].bytes.data(), answers[i].bytes.size()};
    }
  });
}

int laconic_set_threads(int threads) {
  if (threads < 0) return LACONIC_INVALID_ARGUMENT;
  laconic::set_threads(threads);
  return LACONIC_OK;
}
