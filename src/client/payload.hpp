// SPDX-License-Identifier: Apache-2.0
// What a payload says, held against the definitions: shared by the interfaces that write.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/node.hpp"
#include "lwm2m/model/definition.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::client {

/// An error of 4.00.
tl::unexpected<Error> bad(std::string reason);

/// What a server hears of an error; what has no code of its own is our fault, 5.00.
lwm2m::Outcome refused(const Error& error);

/// The format of a payload that carries values: else 4.00 where it is missing, 4.15.
Result<lwm2m::Format> value_format(std::optional<lwm2m::FormatNumber> number);

/// Makes what a payload says about one resource agree with its definition, or says why it can't (4.00, 4.13).
Result<void> fit(lwm2m::ResourceNode& node, const lwm2m::model::ResourceDefinition& definition);

}  // namespace drover::client
