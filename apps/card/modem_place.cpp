// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <utility>

#include "apps/card/place.hpp"
#include "apps/smsc/pty.hpp"
#include "apps/smsc/virtual_modem.hpp"
#include "io/clock.hpp"

namespace drover::card {

namespace uicc = smartcard::uicc;

namespace {

constexpr unsigned kNetworkOutOfOrder = 38;  // +CMS ERROR (3GPP TS 27.005 §3.2.5)

/// Printable, with line ends where they are.
void print(const char* direction, ByteView bytes) {
  std::string line;
  for (const std::uint8_t octet : bytes) {
    const bool ends = octet == '\r' || octet == '\n';
    if (!ends) line += octet >= ' ' && octet < 0x7F ? static_cast<char>(octet) : '?';
    if (ends && !line.empty()) std::fprintf(stderr, "%s %s\n", direction, std::exchange(line, {}).c_str());
  }
  if (!line.empty()) std::fprintf(stderr, "%s %s\n", direction, line.c_str());
}

/// A modem without a network.
class Modem final : public Place {
 public:
  Modem(const Options& options, smsc::Pty pty, uicc::CardImage image)
      : traces_(options.trace), pty_(std::move(pty)), image_(std::move(image)), modem_(settings()) {}

  Result<void> insert() override {
    if (has_card()) return {};
    auto card = std::make_unique<uicc::Uicc>(image_, rng_);
    card->set_sms_counters(counters_);
    card_ = card.get();
    modem_.insert_card(std::move(card));
    return {};
  }

  void remove() override {
    if (!has_card()) return;
    counters_ = card_->sms_counters();
    card_ = nullptr;
    modem_.insert_card(nullptr);
  }
  [[nodiscard]] bool has_card() const override { return card_ != nullptr; }
  [[nodiscard]] int fd() const override { return pty_.fd(); }

  Result<void> serve() override {
    const Bytes bytes = pty_.read();
    if (traces_) print(">", bytes);
    modem_.receive(io::now(), bytes);
    while (modem_.poll_submit()) modem_.submitted(kNetworkOutOfOrder);
    while (const auto output = modem_.poll_output()) {
      if (traces_) print("<", *output);
      pty_.write(*output);
    }
    return {};
  }

  void reset() override {
    if (card_ != nullptr) card_->reset();
  }

  void replace(const uicc::CardImage& image) override {
    image_ = image;
    if (card_ != nullptr) card_->replace(image);
  }

 private:
  static smsc::ModemSettings settings() {
    smsc::ModemSettings settings;
    settings.number = "1";
    return settings;
  }

  bool traces_;
  smsc::Pty pty_;
  uicc::CardImage image_;
  io::SystemRng rng_;
  smsc::VirtualModem modem_;
  uicc::Uicc* card_ = nullptr;  ///< the modem's
  uicc::SmsCounters counters_;
};

}  // namespace

Result<std::unique_ptr<Place>> in_modem(const Options& options, uicc::CardImage image) {
  auto pty = smsc::Pty::open(options.at);
  if (!pty) return tl::unexpected(pty.error());
  return std::make_unique<Modem>(options, std::move(*pty), std::move(image));
}

}  // namespace drover::card
