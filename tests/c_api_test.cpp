#include "laconic/c_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session_graphs.h"
#include "temporary_folder.h"

extern "C" {
int run_by_c_api(const char* path, const float* x, std::int64_t batch, float* y);
int load_with_choices_by_c_api(const char* path, const char* choices);
int misuse_c_api(const char* path, const char* damaged);
}

namespace laconic {
namespace {

using namespace session_graphs;

class CApi : public testing::Test {
 protected:
  void SetUp() override { (void)save(network, path); }

  TemporaryFolder folder;
  CompressedNetwork network = quantized(residual_classifier(), "uniform:levels=15");
  std::string path = folder.path("n.lac");
};

TEST_F(CApi, AnswersAsTheSessionDoes) {
  Session session(network, {.kernels = LayerKernels::packed});
  const auto wanted = answer(session, 2);
  const auto x = random_values(2 * 3 * 8 * 8, 11);
  std::vector<float> y(8);
  ASSERT_EQ(run_by_c_api(path.c_str(), x.data(), 2, y.data()), 0);
  EXPECT_EQ(y, wanted);
}

TEST_F(CApi, KeepsChoices) {
  EXPECT_EQ(load_with_choices_by_c_api(path.c_str(), folder.path("n.json").c_str()), 0);
}

TEST_F(CApi, SaysWhatIsWrong) {
  auto bytes = pack(network);
  bytes[bytes.size() / 2] ^= std::byte{0x55};
  const auto damaged = folder.path("damaged.lac");
  std::ofstream(damaged, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  EXPECT_EQ(misuse_c_api(path.c_str(), damaged.c_str()), 0);
}

}  // namespace
}  // namespace laconic
