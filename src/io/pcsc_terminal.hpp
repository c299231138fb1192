// SPDX-License-Identifier: Apache-2.0
// A card in a reader, by PC/SC (libpcsclite and its pcscd).
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "smartcard/terminal.hpp"

namespace drover::io {

/// False where the program was built without libpcsclite: connect() always fails then, and says so.
bool has_pcsc();

struct PcscSettings {
  /// The name of a reader, or its beginning; "": whichever has a card. The first with a card is taken.
  std::string reader = {};
  /// Between two tries to take a card that another program uses.
  Duration sharing_pause = std::chrono::milliseconds(200);
};

/// Takes the card exclusively, or else with others, in a transaction that keeps them waiting. disconnect() resets a
/// card that was taken exclusively, and any on which a PIN was verified or a secure channel opened: a channel that was
/// left open would be missing to the next, and rights that were earned here aren't others'. A card that is shared
/// otherwise is left as it is, since a reset would end what others are doing with it.
///
/// pcscd may be restarted: connect() then connects to the new one. Waits as long as the reader's driver does.
class PcscTerminal final : public smartcard::Terminal {
 public:
  /// Tries to take a card that another program uses; PcscSettings::sharing_pause lies between them.
  static constexpr unsigned kSharingTries = 15;
  /// How long it is waited to see whether an exchange failed since the card went: twice as long as pcscd takes.
  static constexpr Duration kRemovalMax = std::chrono::seconds(1);

  explicit PcscTerminal(PcscSettings settings);
  ~PcscTerminal() override;
  PcscTerminal(const PcscTerminal&) = delete;
  PcscTerminal& operator=(const PcscTerminal&) = delete;

  smartcard::CardResult<Bytes> connect() override;
  /// With T=0, a command that has data and expects more goes without its Le, and one that has neither with a 00
  /// (ISO/IEC 7816-3 §12.2): that is what readers want.
  smartcard::CardResult<Bytes> transmit(ByteView command) override;
  void disconnect() override;

  /// That the card is in, since the last connect() that was successful; "" before.
  [[nodiscard]] const std::string& reader() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::io
