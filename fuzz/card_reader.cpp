// SPDX-License-Identifier: Apache-2.0
// Reading bootstrap data from a card. The first octet chooses what is configured, and whether the answers are the
// input's or a card's that the input alters; with a session what is read is what the card has, or nothing is.
#include <array>
#include <cstdlib>

#include "base/reader.hpp"
#include "smartcard/bootstrap_file.hpp"
#include "smartcard/bootstrap_reader.hpp"
#include "smartcard/pkcs15.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace {

using namespace drover;
using namespace drover::smartcard;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kPin = "86427531";
constexpr std::uint8_t kKeys = 0x01, kWithPin = 0x02, kFallback = 0x04, kRealCard = 0x08, kT0 = 0x10, kPrivate = 0x20;
/// Commands until a terminal of the input's has no card any more.
constexpr unsigned kCommandsMax = 3000;

Bytes octets_of(const char* digits) { return *from_hex(digits); }

scp03::Keys keys() { return {.enc = Secret<Bytes>(Bytes(16, 0x40)), .mac = Secret<Bytes>(Bytes(16, 0x50))}; }

Bytes bootstrap_file() { return *encode_bootstrap_file({{0, {}, Bytes(300, 0x08)}, {1, std::pair{1, 1}, Bytes(9, 0x08)}}); }

uicc::CardImage image(std::uint8_t how) {
  uicc::CardImage image;
  image.t0 = (how & kT0) != 0;
  image.keys = keys();
  const Bytes aid(pkcs15::kAid.begin(), pkcs15::kAid.end());
  Bytes directory = *pkcs15::encode_dir_record({.aid = aid, .label = "PKCS15", .path = octets_of("3f007f50")});
  directory.resize(0x26, 0xFF);
  image.files.push_back({.id = 0x2F00, .content = directory, .record_size = 0x26});
  image.files.push_back({.id = 0x2FE2, .content = octets_of("98106254810000000000")});
  pkcs15::DataObject object;
  object.is_bootstrap = true;
  object.is_private = (how & kPrivate) != 0;
  object.path.file = octets_of("6432");
  uicc::Folder folder{0x7F50, aid, "PKCS15", {}};
  folder.files.push_back({.id = 0x5031, .content = *pkcs15::encode_odf({{octets_of("6430"), {}, {}}}), .size = 32});
  folder.files.push_back({.id = 0x6430, .content = *pkcs15::encode_dodf({object}), .size = 120});
  folder.files.push_back({.id = 0x6432, .content = bootstrap_file(), .size = 400, .needs_pin = object.is_private});
  image.folders.push_back(std::move(folder));
  if (object.is_private) image.pin = Secret<std::string>(std::string(kPin));
  return image;
}

/// Plays the input, and checks what a reader may do.
class Player final : public Terminal {
 public:
  Player(ByteView script, uicc::MemoryTerminal* card) : script_(script), card_(card) {}

  CardResult<Bytes> connect() override {
    check(!is_connected_);
    if (card_ == nullptr && script_.empty()) return card_error(CardError::Kind::NoCard, "none");
    is_connected_ = true;
    tries_.reset();
    return card_ != nullptr ? card_->connect() : CardResult<Bytes>(octets_of("3b9f96"));
  }
  CardResult<Bytes> transmit(ByteView octets) override {
    check(is_connected_ && !is_gone_);
    const auto command = decode_command(octets);
    check(command.has_value());
    const bool is_try = command->ins == ins::kVerifyPin && (command->cla & 0x04) == 0 && !command->data.empty();
    if (is_try) {
      check(command->data == to_bytes(kPin) && tries_ && *tries_ > kPinTriesKept && !was_refused_);
    }
    auto answer = ++commands_ > kCommandsMax ? gone() : card_ != nullptr ? altered(octets) : scripted();
    is_gone_ = !answer;
    if (answer && command->ins == ins::kVerifyPin && (command->cla & 0x04) == 0 && answer->size() >= 2) {
      const bool tells = (*answer)[answer->size() - 2] == 0x63 && answer->back() >> 4 == 0x0C;
      if (is_try) was_refused_ = tells;
      tries_ = tells ? std::optional<unsigned>(answer->back() & 0x0F) : std::nullopt;
    }
    return answer;
  }
  void disconnect() override { is_connected_ = is_gone_ = false; }

 private:
  static CardResult<Bytes> gone() { return card_error(CardError::Kind::Removed, "gone"); }

  /// A length and so many octets; FF and FE are errors of the terminal.
  CardResult<Bytes> scripted() {
    const auto length = script_.u8();
    if (!length || *length == 0xFF) return gone();
    if (*length == 0xFE) return card_error(CardError::Kind::Reset, "reset");
    const ByteView octets = *script_.bytes(std::min<std::size_t>(*length, script_.remaining()));
    return Bytes(octets.begin(), octets.end());
  }
  /// How many answers pass until one is altered, where, and how.
  CardResult<Bytes> altered(ByteView octets) {
    if (!passing_ && !script_.empty()) passing_ = script_.u8();
    auto answer = card_->transmit(octets);
    if (!answer || !passing_ || (*passing_)-- > 0) return answer;
    passing_.reset();
    const std::uint8_t how = script_.u8().value_or(0);
    const std::size_t at = script_.u8().value_or(0) % answer->size();
    switch (how % 8) {
      case 0: return gone();
      case 1: answer->resize(at); break;
      case 2: answer->insert(answer->begin() + static_cast<std::ptrdiff_t>(at), script_.u8().value_or(0)); break;
      case 3: (*answer)[at] = script_.u8().value_or(0); break;
      case 4: answer->push_back(script_.u8().value_or(0)); break;
      case 5: *answer = {script_.u8().value_or(0), script_.u8().value_or(0)}; break;
      case 6: return card_error(CardError::Kind::Reset, "reset");
      default: (*answer)[at] ^= static_cast<std::uint8_t>(1 << (how >> 5)); break;
    }
    return answer;
  }

  ByteReader script_;
  uicc::MemoryTerminal* card_;
  bool is_connected_ = false, is_gone_ = false, was_refused_ = false;
  unsigned commands_ = 0;
  std::optional<std::uint8_t> passing_;
  std::optional<unsigned> tries_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(ByteView(data, size));
  const std::uint8_t how = input.u8().value_or(0);
  ReaderSettings settings;
  if ((how & kKeys) != 0) settings.keys = keys();
  if ((how & kWithPin) != 0) settings.pin = Secret<std::string>(std::string(kPin));
  if ((how & kFallback) != 0) settings.fallback_aid.assign(pkcs15::kAid.begin(), pkcs15::kAid.end());
  SplitMix rng(1);
  uicc::Uicc card(image(how), rng);
  uicc::MemoryTerminal terminal(&card);
  Player player(input.rest(), (how & kRealCard) != 0 ? &terminal : nullptr);
  BootstrapReader reader(player, settings, rng);
  for (int i = 0; i < 2; ++i) {
    const auto reading = reader.read();
    if (!reading) {
      check(!reading.error().reason.empty() && reading.error().reason.find(kPin) == std::string::npos);
      continue;
    }
    const Bytes& file = reading->file.reveal();
    check(bootstrap_file_size(file) == file.size() && reading->chain.data_size == file.size());
    check(reader.chain().has_value() && reading->chain.secured == settings.keys.has_value());
    static_cast<void>(parse_bootstrap_file(file));
    if ((how & kRealCard) != 0 && settings.keys) check(file == bootstrap_file());
  }
  return 0;
}
