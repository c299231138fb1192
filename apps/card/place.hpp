// SPDX-License-Identifier: Apache-2.0
// Where a served card is: a descriptor to watch, and what passes there.
#pragma once

#include <memory>
#include <string>

#include "apps/card/options.hpp"
#include "base/result.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::card {

/// The card is out at first. One thread.
class Place {
 public:
  virtual ~Place() = default;
  /// The card goes in. An error: nobody listens there.
  virtual Result<void> insert() = 0;
  virtual void remove() = 0;
  [[nodiscard]] virtual bool has_card() const = 0;
  /// To be watched for reading; -1: nothing can come now. It changes with insert() and remove().
  [[nodiscard]] virtual int fd() const = 0;
  /// Takes what came and answers. An error: the other side went away.
  virtual Result<void> serve() = 0;
  /// Somebody resets the card.
  virtual void reset() = 0;
  /// Its files are others now.
  virtual void replace(const smartcard::uicc::CardImage& image) = 0;
};

Result<std::unique_ptr<Place>> in_reader(const Options& options, smartcard::uicc::CardImage image);
Result<std::unique_ptr<Place>> in_modem(const Options& options, smartcard::uicc::CardImage image);

}  // namespace drover::card
