// SPDX-License-Identifier: Apache-2.0
// C++ of an object definition, for the SDK (include/drover/object.hpp).
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::objectgen {

struct Options {
  std::string name_space = "drover::objects";  ///< of the struct; the definition is in drover
  std::set<lwm2m::ResourceId> with;            ///< optional resources that become members, too
  std::string source;                          ///< named in the first comment
};

/// "Reset Min and Max Measured Values" as "reset_min_and_max_measured_values"; never a keyword, "" or with a digit first.
std::string identifier_of(std::string_view name);

/// A header with `drover::definition<ID>` and a struct with the mandatory resources as members. The reason says what can't be
/// had: an optional resource of `with` that the object lacks, or a namespace that is none.
Result<std::string> generate(const lwm2m::model::ObjectDefinition& object, const Options& options);

}  // namespace drover::objectgen
