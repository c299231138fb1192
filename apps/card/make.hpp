// SPDX-License-Identifier: Apache-2.0
// What `drover-card make` gives to those who personalise cards.
#pragma once

#include <map>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::card {

/// Files by their path in the folder of the output:
///   3F00/2F00.bin, 3F00/7F50/6432.bin, ...   each EF, padding included
///   card.json     an index without secrets: applications, files with sizes and FCP, protocol and answer to reset
///   csim.txt      AT+CSIM commands of a whole reading, and the answers: a fixture for those who test readers
/// The reading is a real one, of a software card made of the image; when the card can't be read that is the error.
/// Challenges of the secure channel come from `rng`.
Result<std::map<std::string, Bytes>> make_files(const smartcard::uicc::CardImage& image, Rng& rng);

/// Writes them below `folder`, which is made when it isn't there; readable by their owner alone, since they may hold
/// keys. Without `force` nothing is written when one of them is there already.
Result<void> write_files(const std::map<std::string, Bytes>& files, const std::string& folder, bool force);

}  // namespace drover::card
