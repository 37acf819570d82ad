#include <fmt/format.h>

#include <algorithm>

#include "context.h"
#include "laconic/container.h"
#include "report/file_bytes.h"

namespace laconic::cli {
namespace {

void inspect(const Context& context, const std::filesystem::path& path) {
  const auto reader = ModelReader::open(path);
  const auto file = file_bytes(reader, path.string());
  std::size_t width = 6;
  for (const auto& tensor : file.tensors) width = std::max(width, tensor.name.size());

  const auto& sizes = file.sizes;
  Json json = {{"file", file.file},
               {"bytes", sizes.total},
               {"original_bytes", sizes.original},
               {"ratio", sizes.ratio()},
               {"weights", file.weights},
               {"bits_per_weight", file.bits_per_weight()}};
  json["parts"] = {{"header", sizes.header},
                   {"graph", sizes.graph},
                   {"codebooks", sizes.codebooks},
                   {"indices", sizes.indices},
                   {"dense", sizes.dense}};
  for (const auto key : reader.metadata_keys())
    json["metadata"][std::string(key)] = reader.metadata(key);

  std::string text = fmt::format("{}\n\n{:<{}}  {:>18}  {:>10}  {:>9}  {:>6}  {:>6}  {:<24} {}\n",
                                 path.string(), "tensor", width, "shape", "weights", "bytes",
                                 "levels", "bits", "coder", "quantizer");
  json["tensors"] = Json::array();
  for (const auto& tensor : file.tensors) {
    text += fmt::format("{:<{}}  {:>18}  {:>10}  {:>9}  {:>6}  {:>6.2f}  {:<24} {}\n", tensor.name,
                        width, fmt::format("{}", fmt::join(tensor.shape, "x")),
                        grouped(tensor.weights), grouped(static_cast<std::int64_t>(tensor.bytes)),
                        tensor.levels > 0 ? grouped(tensor.levels) : "-", tensor.bits_per_weight(),
                        tensor.coder, tensor.quantizer.empty() ? "-" : tensor.quantizer);
    json["tensors"].push_back({{"name", tensor.name},
                               {"shape", tensor.shape},
                               {"weights", tensor.weights},
                               {"bytes", tensor.bytes},
                               {"levels", tensor.levels},
                               {"coder", tensor.coder},
                               {"quantizer", tensor.quantizer}});
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
                      grouped(file.weights), file.bits_per_weight(), sizes.ratio(),
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
