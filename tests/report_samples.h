// Records and files for tests of reports.

#pragma once

#include <string>
#include <string_view>

#include "laconic/container.h"

namespace laconic {

inline constexpr std::string_view training_record = R"({"laconic":"0.1.0",
 "command":["laconic","train","lenet5","--data","mnist:my data"],"time":"2026-01-31T12:00:00Z",
 "result":{"output":"r/lenet5.onnx","model":"lenet5","data":"mnist:my data","weights":10,"seed":7,
 "steps":20,"resumed_at":0,"seconds":3.5,"bytes":1000,"epochs":[
 {"epoch":1,"loss":0.9,"accuracy":0.6,"validation":{"accuracy":0.7,"loss":0.8,"samples":10}},
 {"epoch":2,"loss":null,"accuracy":0.8,"validation":{"accuracy":0.75,"loss":0.7,"samples":10}}],
 "part":"test","accuracy":0.91,"loss":0.31,"samples":100}})";

inline constexpr std::string_view search_record = R"({"file":"r/lenet5.lac","model":"r/lenet5.onnx",
 "data":"mnist:my data","bytes":100,"ratio":10,"validation":{"before":0.92,"after":0.915,"samples":50},
 "seed":1,"trials":[{"choice":"step 1","bytes":200,"ratio":5,"drop":0.1,"fits":true},
 {"choice":"step 2","bytes":80,"ratio":12.5,"drop":1.5,"fits":false}]})";

inline constexpr std::string_view evaluation_record = R"({"file":"r/lenet5.lac","bytes":100,
 "data":"mnist:my data","part":"test","accuracy":0.905,"loss":0.33,"samples":100})";

inline constexpr std::string_view analysis_record =
    R"({"file":"r/lenet5.onnx","data":"mnist:my data",
 "seed":1,"accuracy":0.92,"loss":0.3,"samples":50,"layers":[{"tensor":"conv1.weight","weights":150,
 "widths":[{"quantizer":"uniform:bits=2","bits_per_weight":2.1,"damage":0.2,"loss_rise":0.4,
 "accuracy_drop":3}]}],"most_sensitive":["conv1.weight"]})";

inline constexpr std::string_view plan_record =
    R"({"plan":"a.plan","allocator":"knapsack","weights":9,
 "bits":18,"bits_per_weight":2,"damage":0.1,"bound":0.1,"optimal":true,"tensors":[
 {"tensor":"conv1.weight","quantizer":"uniform:bits=2","bits":18,"damage":0.1}]})";

inline constexpr std::string_view speed_record = R"({"model":"r/lenet5.lac","kernels":"fastest",
 "threads":1,"isa":"avx2","load_ms":1.5,"latency_ms":{"least":0.1,"median":0.125,"p90":0.2,"p99":0.3},
 "batch":32,"batch_ms":{"least":2,"median":2.5},"samples_per_second":12800,"weight_bytes":5000,
 "peak_bytes":1000000,"against":{"name":"ONNX Runtime","version":"1.2","forms":{"float":{
 "batch_1_ms":{"least":0.3,"median":0.375},"batch_ms":{"least":6,"median":7},
 "ratio_batch_1":3,"ratio_batch":2.9}}}})";

/// Two quantized tensors and a dense one.
inline SizeReport write_sample_model(const std::string& path, std::string_view name) {
  const Codebook four({-1, 0, 1, 2}), two({-0.5F, 0.5F});
  QuantizedTensor first{{8, 5}, 40, {four}, {}}, second{{6}, 6, {two}, {0, 1, 1, 0, 1, 0}};
  for (int i = 0; i < 40; ++i) first.indices.push_back(static_cast<Index>(i * i % 4));
  ModelWriter writer(path);
  writer.add(name, first, "kmeans:levels=4");
  writer.add("fc.weight", second, "", "raw");
  writer.add("fc.bias", DenseTensor{{3}, {0.25F, -1, 3}});
  const std::string graph = "the graph";
  writer.set_graph(std::as_bytes(std::span(graph)));
  return writer.finish();
}

}  // namespace laconic
