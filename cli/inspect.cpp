#include <fmt/format.h>

#include <algorithm>

#include "context.h"
#include "laconic/container.h"

namespace laconic::cli {
namespace {

void inspect(const Context& context, const std::filesystem::path& path) {
  const auto reader = ModelReader::open(path);
  const auto sizes = reader.sizes();
  std::int64_t weights = 0;
  std::size_t width = 6;
  for (const auto& entry : reader.entries()) {
    weights += element_count(entry.shape);
    width = std::max(width, entry.name.size());
  }
  const double bits =
      weights > 0 ? 8.0 * static_cast<double>(sizes.total) / static_cast<double>(weights) : 0;

  Json json = {{"file", path.string()},  {"bytes", sizes.total}, {"original_bytes", sizes.original},
               {"ratio", sizes.ratio()}, {"weights", weights},   {"bits_per_weight", bits}};
  json["parts"] = {{"header", sizes.header},
                   {"graph", sizes.graph},
                   {"codebooks", sizes.codebooks},
                   {"indices", sizes.indices},
                   {"dense", sizes.dense}};
  for (const auto key : reader.metadata_keys())
    json["metadata"][std::string(key)] = reader.metadata(key);

  std::string text =
      fmt::format("{}\n\n{:<{}}  {:>18}  {:>10}  {:>9}  {:>6}  {:<24} {}\n", path.string(),
                  "tensor", width, "shape", "weights", "bytes", "bits", "coder", "quantizer");
  json["tensors"] = Json::array();
  for (const auto& entry : reader.entries()) {
    const auto count = element_count(entry.shape);
    const double each =
        count > 0 ? 8.0 * static_cast<double>(entry.bytes) / static_cast<double>(count) : 0;
    text += fmt::format("{:<{}}  {:>18}  {:>10}  {:>9}  {:>6.2f}  {:<24} {}\n", entry.name, width,
                        fmt::format("{}", fmt::join(entry.shape, "x")), grouped(count),
                        grouped(static_cast<std::int64_t>(entry.bytes)), each, entry.coder,
                        entry.quantizer.empty() ? "-" : entry.quantizer);
    json["tensors"].push_back({{"name", entry.name},
                               {"shape", entry.shape},
                               {"weights", count},
                               {"bytes", entry.bytes},
                               {"coder", entry.coder},
                               {"quantizer", entry.quantizer}});
  }
  text += '\n';
  const auto part = [&](std::string_view name, std::uint64_t bytes) {
    text += fmt::format("{:<10} {:>12} bytes  {:5.1f} %\n", name,
                        grouped(static_cast<std::int64_t>(bytes)),
                        100.0 * static_cast<double>(bytes) / static_cast<double>(sizes.total));
  };
  part("header", sizes.header);
  part("graph", sizes.graph);
  part("codebooks", sizes.codebooks);
  part("indices", sizes.indices);
  part("dense", sizes.dense);
  part("total", sizes.total);
  text += fmt::format("\n{} weights, {:.3f} bits each, {:.2f}x smaller than {} of 32-bit floats",
                      grouped(weights), bits, sizes.ratio(),
                      human_bytes(static_cast<double>(sizes.original)));
  print_result(context, json, text);
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  add_common(app, context);
  auto path = std::make_shared<std::filesystem::path>();
  app.add_option("file", *path, "A .lac file")->required();
  app.callback([&context, path] { context.run = [&context, path] { inspect(context, *path); }; });
}

}  // namespace laconic::cli
