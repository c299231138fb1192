// SPDX-License-Identifier: Apache-2.0
// `drover-device card read`: what is on a card, for people.
#pragma once

#include <string>
#include <vector>

#include "apps/device/card.hpp"
#include "base/result.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::device {

/// The way to the data and the objects in them, a line each, without secrets: keys and identities show their sizes.
/// `chain` is how far it came; `reading` and then `objects` end with what went wrong.
std::vector<std::string> describe_card(const smartcard::CardChain& chain);
/// The objects of EF LwM2M_Bootstrap, their resources by name where `registry` knows them.
Result<std::vector<std::string>> describe_objects(ByteView file, const lwm2m::model::Registry& registry);

/// Reads the card that `config` names and prints both on standard output, errors on standard error. Exit code: 0 all was
/// read, 1 not.
int read_card_command(const CardConfig& config, const std::vector<std::string>& objects);

}  // namespace drover::device
