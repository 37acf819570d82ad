// The laws of the coder family, over its table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "laconic/coder.h"
#include "laconic/error.h"

namespace laconic {
namespace {

TEST(Coders, RoundTrip) {
  const IndexLayout layout{{2, 3}, 5, 2};
  const std::vector<Index> indices{0, 4, 2, 2, 1, 3};
  for (const auto& row : coders()) {
    const auto coder = make_coder(row.name);
    const auto bytes = coder->encode(indices, layout);
    std::vector<Index> decoded(6);
    coder_for_id(coder_id(row.name))->decode(bytes, layout, decoded);
    EXPECT_EQ(decoded, indices) << row.name;
  }
}

}  // namespace
}  // namespace laconic
