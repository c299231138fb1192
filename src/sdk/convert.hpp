// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drover/value.hpp"
#include "lwm2m/data/node.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::sdk {

/// Between the public and the core's form of a value; both have the same alternatives.
lwm2m::Value to_core(const detail::variant& value);
detail::variant to_public(const lwm2m::Value& value);
detail::instances to_public(const lwm2m::ResourceNode& node);

}  // namespace drover::sdk
