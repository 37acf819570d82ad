#include <cstdio>
#include <laconic/coder.h>
#include <laconic/quantizer.h>
#include <vector>

int main() {
  const std::vector<float> weights = {-1.0F, -0.9F, 0.1F, 0.0F, 0.8F, 1.1F};
  const auto code = laconic::make_quantizer("kmeans:levels=3")->quantize_block(weights);
  const laconic::IndexLayout layout{{6}, static_cast<std::int64_t>(code.codebook.size()), -1};
  const auto encoded = laconic::encode("auto", code.indices, layout);
  std::printf("%zu levels, %zu bytes by %s\n", code.codebook.size(), encoded.bytes.size(), encoded.coder.c_str());
  return code.codebook.size() == 3 ? 0 : 1;
}
