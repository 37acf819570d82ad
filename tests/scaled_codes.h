// What tests of scaled patterns ask of a quantizer.

#pragma once

#include <string>
#include <vector>

#include "quantize_samples.h"

namespace laconic {

inline BlockCode run(const std::string& spec, const Sample& sample, const Prior& prior = {}) {
  return make_quantizer("scaled:" + spec)->quantize_block(sample.weights, sample.importance, prior);
}

inline std::vector<float> values(const BlockCode& code) {
  std::vector<float> out;
  for (const Index index : code.indices) out.push_back(code.codebook.levels()[index]);
  return out;
}

inline double error_of(const std::string& spec, const Sample& sample) {
  return weighted_error(sample.weights, sample.importance, run(spec, sample));
}

inline const std::vector<float> golden = {1.0f, -0.8f, 0.5f, -0.3f, 0.1f};

}  // namespace laconic
