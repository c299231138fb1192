// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_reader.hpp"

#include <algorithm>
#include <utility>

#include "base/reader.hpp"
#include "security/cipher/digest.hpp"
#include "smartcard/ber.hpp"
#include "smartcard/bootstrap_file.hpp"
#include "smartcard/channel.hpp"
#include "smartcard/file_control.hpp"

namespace drover::smartcard {
namespace {

using Kind = CardError::Kind;

constexpr std::array<std::uint8_t, 2> kIccid = {0x2F, 0xE2}, kDir = {0x2F, 0x00}, kMasterFile = {0x3F, 0x00},
                                      kApplication = {0x7F, 0xFF};
constexpr std::uint8_t kDefaultPin = 0x01;  ///< where no file says which (TS 102 221 table 9.3: application PIN 1)
constexpr std::uint8_t kAbsoluteRecord = 0x04;
constexpr unsigned kRecordsMax = 254;
constexpr std::size_t kOffsetMax = 0x7FFF;   ///< of READ BINARY
constexpr std::size_t kDirectoryMax = 8192;  ///< of EF(DIR), EF(ODF) and EF(DODF); what is behind isn't read
constexpr std::size_t kIccidSize = 10;
constexpr std::size_t kChunkMin = 32;  ///< READ BINARY isn't cut smaller for a card that refuses the length
constexpr unsigned kReadsMax = 1024;   ///< of one file
constexpr unsigned kCommandsMax = 8192;  ///< of one reading
constexpr std::size_t kPinMin = 4, kPinMax = 8;
constexpr std::uint8_t kPinFiller = 0xFF;

// Status words of §10.2 that only reading knows.
constexpr Status kPartMayBeWrong{0x6281}, kPinNotUsable{0x6984};
constexpr std::uint16_t kTriesMask = 0xFFF0, kTriesLeft = 0x63C0;

/// Wipes what is read unless it was handed over.
struct Wiping {
  Bytes octets = {};
  ~Wiping() { wipe(octets); }
};

std::string name_of(ByteView path) { return "EF " + to_hex(path); }

auto malformed(const std::string& what, const std::string& reason) {
  return card_error(Kind::Malformed, what + ": " + reason);
}

auto forward(const CardError& error) { return tl::unexpected(error); }

/// §10.1.1 of ETSI TS 102 221: two digits an octet, the lower half first; F fills.
std::string digits_of(ByteView octets) {
  std::string digits;
  for (const std::uint8_t octet : octets) {
    for (const int digit : {octet & 0x0F, octet >> 4}) {
      if (digit == 0x0F) return digits;
      digits.push_back("0123456789ABCDE"[digit]);
    }
  }
  return digits;
}

/// As SELECT by path from the MF takes it; nothing: it can't be.
std::optional<Bytes> path_from_master(const pkcs15::Path& path) {
  ByteView file = path.file;
  const bool is_absolute = file.size() >= 2 && std::ranges::equal(file.first(2), kMasterFile);
  if (is_absolute) file = file.subspan(2);
  if (file.empty() || file.size() % 2 != 0) return std::nullopt;
  Bytes whole;
  if (!is_absolute && !std::ranges::equal(file.first(2), kApplication)) {
    whole.assign(kApplication.begin(), kApplication.end());
  }
  whole.insert(whole.end(), file.begin(), file.end());
  if (whole.size() > kDataMax) return std::nullopt;
  return whole;
}

pkcs15::Path path_of(std::uint16_t file) {
  return {.file = {static_cast<std::uint8_t>(file >> 8), static_cast<std::uint8_t>(file)}};
}

bool is_pin(const std::string& text) {
  return text.size() >= kPinMin && text.size() <= kPinMax &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string tries_text(unsigned tries) { return std::to_string(tries) + (tries == 1 ? " try left" : " tries left"); }

}  // namespace

Digest digest_of(ByteView bytes) { return security::cipher::sha256({bytes}); }

Digest card_identity(const CardChain& chain) {
  // The length keeps the two apart.
  const std::array<std::uint8_t, 1> length = {static_cast<std::uint8_t>(chain.atr.size())};
  return security::cipher::sha256({length, chain.atr, as_bytes(chain.iccid)});
}

/// One conversation with the card.
class BootstrapReader::Run {
 public:
  /// `pin_first`: a reading before broke where the card wanted a PIN.
  Run(BootstrapReader& reader, Bytes atr, bool pin_first)
      : reader_(reader), basic_(reader.terminal_, reader.trace_), channel_(reader.terminal_, reader.trace_),
        pin_first_(pin_first) {
    chain_.atr = std::move(atr);
  }

  CardResult<CardReading> read();
  /// The session broke, or the card was reset, so that another reading may help.
  [[nodiscard]] bool may_begin_anew(const CardError& error) const {
    return error.kind == Kind::Reset || (error.kind == Kind::Channel && channel_.is_session_over());
  }
  [[nodiscard]] bool wants_pin() const { return wants_pin_; }

 private:
  /// What a file is read for.
  struct Wanted {
    std::string name;
    std::size_t begin = 0, end = 0;
    bool by_header = false;  ///< EF LwM2M_Bootstrap: its header says where it ends
  };

  CardResult<void> read_iccid();
  CardResult<Bytes> find_application();
  CardResult<void> read_dir();
  CardResult<void> read_dir_records(const FileControl& file);
  CardResult<void> open_application(const Bytes& aid);
  CardResult<pkcs15::DataObject> find_object();
  CardResult<Secret<Bytes>> read_file(const pkcs15::Path& path, bool is_private, bool by_header);
  CardResult<Secret<Bytes>> read_octets(Channel& channel, Wanted wanted);
  CardResult<void> take_header(Wanted& wanted, ByteView content);
  CardResult<FileControl> select(Channel& channel, ByteView path);
  CardResult<Response> transmit(Channel& channel, Command command, const std::string& what);
  CardResult<Response> checked(Channel& channel, Command command, const std::string& what);

  CardResult<void> verify_pin(const FileControl& file, bool was_refused);
  [[nodiscard]] std::optional<std::uint8_t> pin_reference(const FileControl& file, bool was_refused) const;
  CardResult<std::optional<unsigned>> ask_tries(std::uint8_t reference, bool was_refused);
  CardResult<void> may_try_pin(unsigned tries);
  CardResult<void> try_pin(std::uint8_t reference, unsigned tries);
  /// What is known goes to the reader at once: an error may follow.
  void publish() { reader_.chain_ = chain_; }

  BootstrapReader& reader_;
  Channel basic_;
  Channel channel_;
  CardChain chain_;
  FileControl application_;
  unsigned commands_ = 0;
  bool pin_first_;
  bool wants_pin_ = false;
  bool pin_is_settled_ = false;  ///< the card wants none, or has it already
};

// ---- commands

CardResult<Response> BootstrapReader::Run::transmit(Channel& channel, Command command, const std::string& what) {
  if (++commands_ > kCommandsMax) {
    wipe(command.data);
    return malformed(what, "reading this card doesn't end");
  }
  auto response = channel.transmit(std::move(command));
  // 6982 and 6988 of a card that has a session end it.
  if (response && channel.is_session_over()) {
    return card_error(Kind::Channel, what + ": the card ended the secure channel: " + response->status.describe(),
                      response->status.value);
  }
  return response;
}

CardResult<Response> BootstrapReader::Run::checked(Channel& channel, Command command, const std::string& what) {
  auto response = transmit(channel, std::move(command), what);
  if (!response || response->status.is_success()) return response;
  if (response->status.is_warning() && response->status != kPartMayBeWrong) return response;
  wipe(response->data);
  return refusal(what, response->status);
}

CardResult<FileControl> BootstrapReader::Run::select(Channel& channel, ByteView path) {
  const std::string name = name_of(path);
  const auto answer = checked(channel,
                              {.ins = ins::kSelect,
                               .p1 = 0x08,
                               .p2 = 0x04,
                               .data = Bytes(path.begin(), path.end()),
                               .expected = kExpectedMax},
                              name);
  if (!answer) return forward(answer.error());
  auto control = FileControl::parse(answer->data);
  if (!control) return malformed(name, "its control parameters, " + control.error().reason);
  if (control->is_deactivated) return card_error(Kind::Refused, name + " is deactivated");
  return std::move(*control);
}

// ---- which card, which application

CardResult<void> BootstrapReader::Run::read_iccid() {
  const auto is_refusal = [](const CardError& error) {
    return error.kind == Kind::NotFound || error.kind == Kind::Refused || error.kind == Kind::Malformed;
  };
  const auto control = select(basic_, kIccid);
  if (!control && is_refusal(control.error())) return {};
  if (!control) return forward(control.error());
  const auto content = read_octets(basic_, {name_of(kIccid), 0, kIccidSize});
  if (!content && is_refusal(content.error())) return {};
  if (!content) return forward(content.error());
  chain_.iccid = digits_of(content->reveal());
  return {};
}

CardResult<void> BootstrapReader::Run::read_dir_records(const FileControl& file) {
  std::optional<CardError> unreadable;
  for (unsigned number = 1; number <= kRecordsMax; ++number) {
    const std::string name = "EF(DIR), record " + std::to_string(number);
    const Command command{.ins = ins::kReadRecord,
                          .p1 = static_cast<std::uint8_t>(number),
                          .p2 = kAbsoluteRecord,
                          .expected = file.record_size && *file.record_size > 0 && *file.record_size <= kExpectedMax
                                          ? *file.record_size
                                          : std::uint16_t{kExpectedMax}};
    const auto record = transmit(basic_, command, name);
    if (!record) return forward(record.error());
    if (!record->status.is_success() && !record->status.is_warning()) {
      // Behind the last one; cards say it in several ways.
      if (number > 1 || record->status == status::kRecordNotFound) break;
      return refusal(name, record->status);
    }
    auto application = pkcs15::parse_dir_record(record->data);
    if (!application) {
      unreadable = CardError{Kind::Malformed, name + ": " + application.error().reason, 0};
    } else if (*application) {
      chain_.applications.push_back(std::move(**application));
    }
  }
  // Another application's may be as it likes.
  const bool is_found = std::ranges::any_of(chain_.applications, &pkcs15::Application::is_pkcs15);
  if (unreadable && !is_found) return forward(*unreadable);
  return {};
}

/// RECOMMENDED are records (Core G.1); a transparent file has the templates one behind the other.
CardResult<void> BootstrapReader::Run::read_dir() {
  const auto control = select(basic_, kDir);
  if (!control) return forward(control.error());
  if (control->structure != FileControl::Structure::Transparent) return read_dir_records(*control);
  const std::size_t size = std::min<std::size_t>(control->size.value_or(kDirectoryMax), kDirectoryMax);
  const auto content = read_octets(basic_, {"EF(DIR)", 0, size});
  if (!content) return forward(content.error());
  const ByteView octets = content->reveal();
  ber::Reader reader(octets);
  while (true) {
    const auto element = reader.next();
    if (!element) return malformed("EF(DIR)", element.error().reason);
    if (!*element) return {};
    auto application = pkcs15::parse_dir_record(octets.subspan((*element)->at, reader.at() - (*element)->at));
    if (!application) return malformed("EF(DIR)", application.error().reason);
    if (*application) chain_.applications.push_back(std::move(**application));
  }
}

CardResult<Bytes> BootstrapReader::Run::find_application() {
  const auto done = read_dir();
  publish();
  if (!done && done.error().kind != Kind::NotFound) return forward(done.error());
  const auto found = std::ranges::find_if(chain_.applications, &pkcs15::Application::is_pkcs15);
  if (found != chain_.applications.end()) return found->aid;
  if (!reader_.settings_.fallback_aid.empty()) return reader_.settings_.fallback_aid;
  if (!done) return forward(done.error());
  return card_error(Kind::NotFound, "EF(DIR) has no PKCS #15 application");
}

CardResult<void> BootstrapReader::Run::open_application(const Bytes& aid) {
  if (auto opened = channel_.open(); !opened) return opened;
  chain_.channel = channel_.number();
  const std::string name = "application " + to_hex(aid);
  const auto selected = channel_.select_application(aid);
  if (!selected) return forward(selected.error());
  if (!selected->status.is_success() && !selected->status.is_warning()) return refusal(name, selected->status);
  auto control = FileControl::parse(selected->data);
  if (!control) return malformed(name, "its control parameters, " + control.error().reason);
  if (control->is_deactivated) return card_error(Kind::Refused, name + " is deactivated");
  application_ = std::move(*control);
  chain_.aid = aid;
  if (reader_.settings_.keys) {
    const ReaderSettings& settings = reader_.settings_;
    if (auto open = channel_.secure(*settings.keys, settings.secure_channel, reader_.rng_); !open) return open;
    chain_.secured = true;
  }
  publish();
  return {};
}

// ---- files

/// Where EF LwM2M_Bootstrap ends.
CardResult<void> BootstrapReader::Run::take_header(Wanted& wanted, ByteView content) {
  const auto size = bootstrap_file_size(content);
  if (!size) return malformed(wanted.name, size.error().reason);
  if (*size > wanted.end - wanted.begin) {
    return malformed(wanted.name, "its header says " + std::to_string(*size) + " octets, the file has " +
                                      std::to_string(wanted.end - wanted.begin));
  }
  wanted.end = wanted.begin + *size;
  wanted.by_header = false;
  chain_.data_size = *size;
  return {};
}

/// Of the file that is selected, in pieces. A file that ends before gives less, unless its header says how much it is.
CardResult<Secret<Bytes>> BootstrapReader::Run::read_octets(Channel& channel, Wanted wanted) {
  const bool is_secured = channel.is_secured();
  const bool by_header = wanted.by_header;
  std::size_t chunk = is_secured ? scp03::kResponseDataMax : kExpectedMax;
  Wiping content;
  content.octets.reserve(wanted.end - wanted.begin);
  for (unsigned reads = 0; wanted.begin + content.octets.size() < wanted.end; ++reads) {
    const std::size_t offset = wanted.begin + content.octets.size();
    if (reads == kReadsMax || offset > kOffsetMax) return malformed(wanted.name, "reading it doesn't end");
    const std::size_t asked = std::min(chunk, wanted.end - offset);
    auto answer = checked(channel,
                          {.ins = ins::kReadBinary,
                           .p1 = static_cast<std::uint8_t>(offset >> 8),
                           .p2 = static_cast<std::uint8_t>(offset),
                           .expected = static_cast<std::uint16_t>(asked)},
                          wanted.name);
    if (!answer) {
      const std::uint16_t status = answer.error().status;
      if (status == status::kWrongLength.value && !is_secured && asked > kChunkMin) {
        chunk = asked / 2;
        continue;
      }
      if (status == status::kWrongOffset.value && !content.octets.empty()) break;
      return forward(answer.error());
    }
    const Wiping got{std::move(answer->data)};
    if (got.octets.empty()) return malformed(wanted.name, "nothing at octet " + std::to_string(offset));
    // Over the secure channel Le is open, and more may come.
    if (got.octets.size() > asked && !is_secured) return malformed(wanted.name, "more than was asked for");
    const std::size_t taken = std::min(got.octets.size(), wanted.end - offset);
    content.octets.insert(content.octets.end(), got.octets.begin(),
                          got.octets.begin() + static_cast<std::ptrdiff_t>(taken));
    if (taken < asked) chunk = taken;
    if (wanted.by_header && content.octets.size() >= kBootstrapHeader) {
      if (auto header = take_header(wanted, content.octets); !header) return forward(header.error());
    }
  }
  if (wanted.by_header) return malformed(wanted.name, "it ends before its header does");
  if (by_header && content.octets.size() < wanted.end - wanted.begin) {
    return malformed(wanted.name, "it ends before its header says so");
  }
  content.octets.resize(std::min(content.octets.size(), wanted.end - wanted.begin));
  return Secret<Bytes>(std::move(content.octets));
}

CardResult<Secret<Bytes>> BootstrapReader::Run::read_file(const pkcs15::Path& path, bool is_private, bool by_header) {
  const auto whole_path = path_from_master(path);
  if (!whole_path) return malformed("path " + to_hex(path.file), "it names no file");
  const auto control = select(channel_, *whole_path);
  if (!control) return forward(control.error());
  const std::string name = name_of(*whole_path);
  if (control->structure == FileControl::Structure::Records || control->structure == FileControl::Structure::Folder) {
    return malformed(name, "it isn't a binary file");
  }
  const std::size_t size = control->size.value_or(kBootstrapFileMax);
  if (by_header) chain_.file_size = control->size.value_or(0);
  const std::size_t begin = path.index.value_or(0);
  if (begin >= size) {
    return malformed(name, "its path begins at octet " + std::to_string(begin) + " of " + std::to_string(size));
  }
  const std::size_t limit = by_header ? kBootstrapFileMax : kDirectoryMax;
  const std::size_t length = std::min({size - begin, std::size_t{path.length.value_or(UINT32_MAX)}, limit});
  const Wanted wanted{name, begin, begin + length, by_header};

  if (is_private || pin_first_) {
    if (auto verified = verify_pin(*control, false); !verified) return forward(verified.error());
  }
  auto content = read_octets(channel_, wanted);
  if (content || content.error().status != status::kSecurityNotSatisfied.value) return content;
  if (channel_.is_session_over()) {
    // With a session 6982 may mean either; the next reading, if there is one, brings the PIN along.
    wants_pin_ = true;
    return content;
  }
  if (chain_.pin_verified) return content;
  if (auto verified = verify_pin(*control, true); !verified) return forward(verified.error());
  return read_octets(channel_, wanted);
}

CardResult<pkcs15::DataObject> BootstrapReader::Run::find_object() {
  const auto odf = read_file(path_of(pkcs15::kOdf), false, false);
  if (!odf) return forward(odf.error());
  auto dodfs = pkcs15::parse_odf(odf->reveal());
  if (!dodfs) return card_error(Kind::Malformed, std::move(dodfs.error().reason));
  chain_.dodfs = std::move(*dodfs);
  publish();
  for (const pkcs15::Path& path : chain_.dodfs) {
    const auto file = read_file(path, false, false);
    // One that isn't written yet has nothing to say.
    if (!file && file.error().kind == Kind::NotFound) continue;
    if (!file) return forward(file.error());
    const auto objects = pkcs15::parse_dodf(file->reveal());
    if (!objects) return card_error(Kind::Malformed, "EF(DODF) " + to_hex(path.file) + ": " + objects.error().reason);
    const auto found = std::ranges::find_if(*objects, &pkcs15::DataObject::is_bootstrap);
    if (found != objects->end()) return *found;
  }
  return card_error(Kind::NotFound, "the card has no LwM2M bootstrap object (" + std::to_string(chain_.dodfs.size()) +
                                        (chain_.dodfs.size() == 1 ? " directory)" : " directories)"));
}

// ---- the PIN

std::optional<std::uint8_t> BootstrapReader::Run::pin_reference(const FileControl& file, bool was_refused) const {
  const FileControl& control = file.pins.empty() ? application_ : file;
  if (control.pins.empty()) return kDefaultPin;
  if (const auto enabled = control.enabled_pin(); enabled || !was_refused) return enabled;
  // None is enabled, and still it is wanted: asking does no harm.
  const auto any = std::ranges::find_if(control.pins, is_pin_reference, &FileControl::Pin::reference);
  return any == control.pins.end() ? std::nullopt : std::optional(any->reference);
}

/// VERIFY without a PIN (TS 102 221 §11.1.9.1.2). Nothing: the card wants none.
CardResult<std::optional<unsigned>> BootstrapReader::Run::ask_tries(std::uint8_t reference, bool was_refused) {
  const auto answer = transmit(channel_, {.ins = ins::kVerifyPin, .p2 = reference}, "asking for the PIN's tries");
  if (!answer) return forward(answer.error());
  const Status status = answer->status;
  if ((status.value & kTriesMask) == kTriesLeft) {
    chain_.pin_tries = status.value & 0x0Fu;
  } else if (status == status::kPinBlocked) {
    chain_.pin_tries = 0;
  } else if (status.is_success() || status == kPinNotUsable || status == status::kReferenceNotFound) {
    if (!was_refused) return std::nullopt;
    const char* hint = chain_.secured ? "" : "; maybe it wants the secure channel, whose keys aren't given";
    return card_error(Kind::Refused, "the card refuses reading and wants no PIN: " + status.describe() + hint, status.value);
  } else {
    return card_error(Kind::Pin, "the card doesn't tell how many tries are left: " + status.describe(), status.value);
  }
  publish();
  return chain_.pin_tries;
}

/// Why not, when not. It leaves tries to people.
CardResult<void> BootstrapReader::Run::may_try_pin(unsigned tries) {
  const auto no = [tries](const std::string& reason) {
    return card_error(Kind::Pin, reason + " (" + tries_text(tries) + ")",
                      tries == 0 ? status::kPinBlocked.value : static_cast<std::uint16_t>(kTriesLeft | tries));
  };
  const Digest identity = card_identity(chain_);
  auto& unanswered = reader_.unanswered_pin_;
  if (unanswered && unanswered->card == identity) {
    if (tries < unanswered->tries) reader_.refused_pin_of_ = identity;
    unanswered.reset();
  }
  if (tries == 0) return no("the card's PIN is blocked");
  if (reader_.settings_.pin.empty()) return no("the card wants a PIN, and none is configured");
  if (!is_pin(reader_.settings_.pin.reveal())) return no("the PIN that is configured isn't 4 to 8 digits");
  if (reader_.refused_pin_of_ == identity) return no("the card refused the PIN that is configured before");
  if (tries <= kPinTriesKept) return no("the PIN isn't tried: the card has too few tries left");
  return {};
}

CardResult<void> BootstrapReader::Run::try_pin(std::uint8_t reference, unsigned tries) {
  const Digest identity = card_identity(chain_);
  const std::string& pin = reader_.settings_.pin.reveal();
  Command command{.ins = ins::kVerifyPin, .p2 = reference};
  command.data.reserve(kPinMax);
  command.data.assign(pin.begin(), pin.end());
  command.data.resize(kPinMax, kPinFiller);
  reader_.unanswered_pin_ = UnansweredPin{identity, tries};
  const auto answer = transmit(channel_, std::move(command), "VERIFY PIN");
  if (!answer) return forward(answer.error());
  reader_.unanswered_pin_.reset();
  const Status status = answer->status;
  if (status.is_success()) {
    chain_.pin_verified = true;
    publish();
    return {};
  }
  reader_.refused_pin_of_ = identity;
  if ((status.value & kTriesMask) == kTriesLeft) chain_.pin_tries = status.value & 0x0Fu;
  if (status == status::kPinBlocked) chain_.pin_tries = 0;
  publish();
  return card_error(Kind::Pin, "the card refused the PIN that is configured: " + status.describe(), status.value);
}

/// `was_refused`: the card refused reading; else a file is said to be private, and without a PIN reading may go well.
CardResult<void> BootstrapReader::Run::verify_pin(const FileControl& file, bool was_refused) {
  if (chain_.pin_verified || (pin_is_settled_ && !was_refused)) return {};
  if (!was_refused && !pin_first_ && reader_.settings_.pin.empty()) return {};
  const auto reference = pin_reference(file, was_refused || pin_first_);
  if (!reference && !was_refused) return {};
  if (!reference) {
    return card_error(Kind::Refused, "the card refuses reading and has no PIN", status::kSecurityNotSatisfied.value);
  }
  const auto tries = ask_tries(*reference, was_refused);
  if (!tries) return forward(tries.error());
  pin_is_settled_ = !tries->has_value();
  if (pin_is_settled_) return {};
  if (auto allowed = may_try_pin(**tries); !allowed) return allowed;
  return try_pin(*reference, **tries);
}

// ---- all of it

CardResult<CardReading> BootstrapReader::Run::read() {
  if (const auto done = read_iccid(); !done) return forward(done.error());
  publish();
  const auto aid = find_application();
  if (!aid) return forward(aid.error());
  if (const auto done = open_application(*aid); !done) return forward(done.error());
  auto object = find_object();
  if (!object) return forward(object.error());
  chain_.object = *object;
  publish();
  auto file = read_file(object->path, object->is_private, true);
  publish();
  if (!file) return forward(file.error());
  return CardReading{chain_, std::move(*file)};
}

BootstrapReader::BootstrapReader(Terminal& terminal, ReaderSettings settings, Rng& rng, Trace* trace)
    : terminal_(terminal), settings_(std::move(settings)), rng_(rng), trace_(trace) {}

CardResult<CardReading> BootstrapReader::read() {
  bool pin_first = false;
  for (bool is_anew = false;; is_anew = true) {
    chain_.reset();
    auto atr = terminal_.connect();
    if (!atr) return forward(atr.error());
    bool may_begin_anew = false;
    CardResult<CardReading> reading = [&] {
      Run run(*this, std::move(*atr), pin_first);
      auto result = run.read();
      may_begin_anew = !result && run.may_begin_anew(result.error());
      pin_first = run.wants_pin();
      return result;
    }();
    terminal_.disconnect();
    if (reading || is_anew || !may_begin_anew) return reading;
  }
}

}  // namespace drover::smartcard
