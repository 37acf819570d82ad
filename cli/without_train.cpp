// Stands in for what needs LibTorch in builds without it.

#include "context.h"
#include "families.h"
#include "image_detector.h"
#include "laconic/allocator.h"
#include "laconic/error.h"
#include "run_image.h"

namespace laconic::cli {

std::vector<Family> train_families() {
  return {{"allocators", "how many bits each tensor gets", allocators()}};
}

namespace {

void needs_train(CLI::App& app, Context& context) {
  app.allow_extras();
  app.callback([&app, &context] {
    context.run = [&app] {
      fail(ErrorCode::invalid_argument,
           "this build of laconic has no verb \"{}\": it is without LibTorch", app.get_name());
    };
  });
}

[[noreturn]] void without_images() {
  fail(ErrorCode::invalid_argument, "this build of laconic reads no images: it is without OpenCV");
}

}  // namespace

ImageDetector open_image_detector(const std::filesystem::path&, const SessionChoice&) {
  without_images();
}

ImageRun find_in_image(ImageDetector&, const std::filesystem::path&, const DetectOptions&) {
  without_images();
}

void run_on_image(const Context&, const ImageRequest&) {
  without_images();
}

void add_train(CLI::App& app, Context& context) {
  needs_train(app, context);
}

void add_compress(CLI::App& app, Context& context) {
  needs_train(app, context);
}

void add_plan(CLI::App& app, Context& context) {
  needs_train(app, context);
}

void add_analyze(CLI::App& app, Context& context) {
  needs_train(app, context);
}

void add_eval(CLI::App& app, Context& context) {
  needs_train(app, context);
}

}  // namespace laconic::cli
