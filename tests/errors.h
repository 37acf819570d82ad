// What a call says when it fails.

#pragma once

#include <gtest/gtest.h>

#include <string>

#include "laconic/error.h"

namespace laconic {

/// The message of the Error that `function` throws; its code must be `code`.
template <typename Function>
std::string error_of(Function function, ErrorCode code = ErrorCode::invalid_data) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(name(error.code()), name(code)) << error.what();
    return error.what();
  }
  return "no error";
}

}  // namespace laconic
