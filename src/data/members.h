// The makers of all data sets, for the table in family.cpp.

#pragma once

#include <memory>

#include "laconic/dataset.h"

namespace laconic {

std::unique_ptr<Dataset> make_mnist(const Options& options);
std::unique_ptr<Dataset> make_cifar10(const Options& options);
std::unique_ptr<Dataset> make_cifar100(const Options& options);
std::unique_ptr<Dataset> make_svhn(const Options& options);
std::unique_ptr<Dataset> make_images(const Options& options);
std::unique_ptr<Dataset> make_npy(const Options& options);
std::unique_ptr<Dataset> make_coco(const Options& options);
std::unique_ptr<Dataset> make_voc(const Options& options);
std::unique_ptr<Dataset> make_text(const Options& options);

}  // namespace laconic
