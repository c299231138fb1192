// SPDX-License-Identifier: Apache-2.0
// A reader, a card made of software, and a meddler between them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "smartcard/bootstrap_reader.hpp"
#include "smartcard/test_terminals.hpp"
#include "smartcard/uicc/test_uicc.hpp"

namespace drover::smartcard {

using Kind = CardError::Kind;
using uicc::CardImage;
using uicc::kNordicFile;
using uicc::nordic_card;
using uicc::octets;
using uicc::session_keys;

/// An elementary file of the card's application.
inline uicc::File& file_of(CardImage& image, std::uint16_t id) {
  auto& files = image.folders.front().files;
  return *std::ranges::find(files, id, &uicc::File::id);
}

class Reader : public testing::Test {
 protected:
  void insert(CardImage image) {
    card_.emplace(std::move(image), card_rng_);
    terminal_.insert(&*card_);
  }
  BootstrapReader& reader(ReaderSettings settings = {}) { return reader_.emplace(meddler_, std::move(settings), rng_); }
  static ReaderSettings with_keys() {
    ReaderSettings settings;
    settings.keys = session_keys();
    return settings;
  }
  static ReaderSettings with_pin(const std::string& pin) {
    ReaderSettings settings;
    settings.pin = Secret<std::string>(pin);
    return settings;
  }
  /// The card has no channel open.
  bool is_channel_free() { return to_hex(card_->transmit(of_hex("0070000001"))).starts_with("01"); }
  /// The file, or why not.
  static std::string outcome(const CardResult<CardReading>& reading) {
    if (reading) return uicc::upper_hex(reading->file.reveal());
    return std::string(to_string(reading.error().kind)) + ": " + reading.error().reason;
  }

  uicc::FixedChallenge card_rng_;
  SplitMix rng_{7};
  std::optional<uicc::Uicc> card_;
  uicc::MemoryTerminal terminal_;
  Meddler meddler_{&terminal_};
  std::optional<BootstrapReader> reader_;
};

}  // namespace drover::smartcard
