// SPDX-License-Identifier: Apache-2.0
// A UICC made of software: what a card does at its contacts (ETSI TS 102 221), as far as bootstrap data and the LwM2M
// application need it. For testers, and for those who personalise cards and want to see them read. Sans-IO.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "security/sps/parameters.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard::uicc {

/// An elementary file.
struct File {
  std::uint16_t id = 0;
  Bytes content = {};
  std::size_t size = 0;          ///< of the file; the rest is FF. 0: that of the content
  std::size_t record_size = 0;   ///< linear fixed, with records of so many octets; 0: transparent
  bool needs_pin = false;        ///< to be read
  bool needs_secure_channel = false;
};

/// A dedicated file, or an application (ADF) when it has an AID.
struct Folder {
  std::uint16_t id = 0;
  Bytes aid = {};
  std::string label = {};
  std::vector<File> files = {};
};

/// The LwM2M application (TAR B20203).
struct SmsApplication {
  Bytes aid;
  security::sps::Parameters parameters;
  security::sps::Keys keys;
  std::uint8_t coap_tag = security::sps::kCoapTag;
  std::uint8_t get_data_p1 = 0x00, get_data_p2 = 0x05;
  bool needs_secure_channel = true;
};

struct CardImage {
  bool t0 = false;  ///< protocol T=0: answers go by 61xx and 6Cxx; else T=1
  std::vector<File> files = {};      ///< of the MF: EF(DIR), EF(ICCID)
  std::vector<Folder> folders = {};
  std::optional<scp03::Keys> keys = {};  ///< nothing: INITIALIZE UPDATE is refused
  Secret<std::string> pin = {};      ///< empty: there is none
  std::uint8_t pin_reference = 0x01;
  unsigned pin_tries = 3;
  std::optional<SmsApplication> sms = {};
};

/// Counters of the LwM2M application's secured packets: the highest that was taken, and the last that was used.
struct SmsCounters {
  std::uint64_t received = 0, sent = 0;
  friend bool operator==(const SmsCounters&, const SmsCounters&) = default;
};

/// One card. It answers whatever comes; one thread at a time; `rng` outlives it.
class Uicc {
 public:
  Uicc(CardImage image, Rng& rng);
  ~Uicc();
  Uicc(const Uicc&) = delete;
  Uicc& operator=(const Uicc&) = delete;

  /// Power on or reset: channels, sessions and verified PINs are gone; tries of the PIN stay.
  void reset();
  /// The answer to reset, of the image's protocol, with TCK.
  [[nodiscard]] Bytes atr() const;
  /// A command APDU; the response APDU.
  Bytes transmit(ByteView command);
  /// From now on files have another content, as after an update over the air. Selections stay where the files are still
  /// there. The PIN's tries stay unless the PIN is another, messages and counters unless the application is another.
  void replace(CardImage image);
  [[nodiscard]] unsigned pin_tries() const;
  /// They stay over reset(). A program that makes the card anew hands them on: a peer takes no counter twice.
  [[nodiscard]] SmsCounters sms_counters() const;
  void set_sms_counters(const SmsCounters& counters);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// It in a reader in memory: tests, and programs that need no reader.
class MemoryTerminal final : public Terminal {
 public:
  explicit MemoryTerminal(Uicc* card = nullptr) : card_(card) {}
  /// nullptr: it is taken out.
  void insert(Uicc* card);

  CardResult<Bytes> connect() override;
  CardResult<Bytes> transmit(ByteView command) override;
  void disconnect() override {}

 private:
  Uicc* card_;
  bool connected_ = false;
};

}  // namespace drover::smartcard::uicc
