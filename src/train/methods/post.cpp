// Quantization after training: the null member of the family.

#include <utility>

#include "train/methods/members.h"
#include "train/methods/planned_tensors.h"

namespace laconic {
namespace {

class Post final : public Method {
 public:
  Post(std::string spec, MethodSetup setup) : spec_(std::move(spec)), setup_(std::move(setup)) {}

  QuantizedModel finish(Network& network) override {
    const PlannedTensors planned(setup_.plan, network);
    std::vector<std::vector<float>> weights;
    std::vector<Values> values;
    for (const auto& tensor : planned.tensors()) {
      weights.push_back(elements_of(network, tensor.name));
      values.push_back({weights.back(), importance_of(setup_, tensor)});
    }
    return assemble(network, planned, planned.quantize(values));
  }

  const MethodSetup* setup() const override { return &setup_; }
  std::string spec() const override { return spec_; }

 private:
  std::string spec_;
  MethodSetup setup_;
};

}  // namespace

std::unique_ptr<Method> make_post(const Options& options, MethodSetup setup) {
  return std::make_unique<Post>(options.spec(), std::move(setup));
}

}  // namespace laconic
