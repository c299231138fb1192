// SPDX-License-Identifier: Apache-2.0
// A card as people who personalise cards describe it: a TOML file.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::card {

/// The files, keys and applications of the card that `file` describes (its keys are in the help of drover-card). Files
/// with keys, and everything else that it names, are relative to its folder. Every key must be known, of its type and
/// in its range: errors read "FILE:LINE: reason" and never quote a secret. Keys that stand in the file itself, and key
/// files that others may read, add to `warnings`.
Result<smartcard::uicc::CardImage> read_description(const std::string& file,
                                                    std::vector<std::string>* warnings = nullptr);

}  // namespace drover::card
