// SPDX-License-Identifier: Apache-2.0
// Definitions of objects 0 to 3 that fit on a page.
#pragma once

#include <deque>

#include "lwm2m/model/definition.hpp"

namespace drover::property {

/// Object 2 as Core E.3 has it.
const lwm2m::model::ObjectDefinition& access_object();
/// Objects 0, 1 and 3 with a resource or two.
const std::deque<lwm2m::model::ObjectDefinition>& small_objects();

}  // namespace drover::property
