// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/operation/bootstrap.hpp"

#include <array>

namespace drover::lwm2m {

namespace {

// In the order of BootstrapOperation's alternatives.
constexpr std::array kNames = {"Bootstrap-Discover", "Bootstrap-Write", "Bootstrap-Delete", "Bootstrap-Finish"};
static_assert(kNames.size() == std::variant_size_v<BootstrapOperation>);

struct PathOf {
  template <class Operation>
  Path operator()(const Operation& operation) const {
    return operation.path;
  }
  Path operator()(const BootstrapFinish&) const { return {}; }
};

}  // namespace

Path path_of(const BootstrapOperation& operation) {
  return std::visit(PathOf{}, operation);
}

const char* name_of(const BootstrapOperation& operation) {
  return kNames[operation.index()];
}

}  // namespace drover::lwm2m
