// SPDX-License-Identifier: Apache-2.0
#include "apps/card/description.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "apps/card/contents.hpp"
#include "apps/device/card_keys.hpp"
#include "apps/device/section.hpp"
#include "apps/device/security.hpp"
#include "io/secret_file.hpp"
#include "smartcard/messages.hpp"
#include "smartcard/bootstrap_file.hpp"
#include "smartcard/pkcs15.hpp"

namespace drover::card {

namespace pkcs15 = smartcard::pkcs15;
namespace sps = security::sps;
namespace uicc = smartcard::uicc;
using device::Mistake;
using device::Section;

namespace {

constexpr std::uint16_t kMasterFile = 0x3F00, kCurrentApplication = 0x7FFF, kDir = 0x2F00, kIccid = 0x2FE2;
constexpr std::int64_t kIdMax = 0xFFFE;
constexpr std::size_t kIccidDigitsMin = 18, kIccidDigitsMax = 20;  // ITU-T E.118; TS 102 221 §13.2
constexpr std::size_t kAidMin = 5, kAidMax = 16;  // ISO/IEC 7816-4 §8.2.1.2
constexpr std::size_t kLabelMax = 32;
constexpr std::size_t kRecordMin = 38;  // of EF(DIR): a whole AID, a label and a path
constexpr const char* kIccidDefault = "8949000000000000001";
constexpr const char* kLabelDefault = "LwM2M";

template <class T>
T value_or_refuse(const Section& section, std::string_view key, Result<T> value) {
  if (!value) section.refuse(key, value.error().reason);
  return std::move(*value);
}

void append(Bytes& to, std::uint16_t id) {
  to.push_back(static_cast<std::uint8_t>(id >> 8));
  to.push_back(static_cast<std::uint8_t>(id));
}

Bytes path_of(std::initializer_list<std::uint16_t> ids) {
  Bytes path;
  for (const std::uint16_t id : ids) append(path, id);
  return path;
}

/// Two digits an octet, the first in the low half; F behind an odd number (TS 102 221 §13.2).
Bytes swapped(std::string digits) {
  if (digits.size() % 2 != 0) digits += 'F';
  for (std::size_t i = 0; i < digits.size(); i += 2) std::swap(digits[i], digits[i + 1]);
  return from_hex(digits).value();
}

Bytes read_whole(const Section& section, std::string_view key, const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  Bytes content;
  if (stream) content.assign(std::istreambuf_iterator<char>(stream), {});
  if (content.empty()) section.refuse(key, file + ": can't be read, or is empty");
  if (content.size() > smartcard::kBootstrapFileMax) {
    section.refuse(key, file + ": is longer than " + std::to_string(smartcard::kBootstrapFileMax) + " octets");
  }
  return content;
}

Bytes aid_of(const Section& section, std::string_view key, const std::string& text) {
  auto aid = from_hex(text);
  if (!aid || aid->size() < kAidMin || aid->size() > kAidMax) {
    section.refuse(key, std::string(key) + " takes 5 to 16 octets as hex digits");
  }
  return std::move(*aid);
}

/// `[files]`: where things are, and how large.
struct Layout {
  Bytes aid{pkcs15::kAid.begin(), pkcs15::kAid.end()};
  std::uint16_t application = 0x7F50, dodf = pkcs15::kDodf, data = 0x6432;
  std::size_t odf_size = 0, dodf_size = 0, data_size = 0;  ///< 0: as large as what is in them
  std::size_t offset = 0;  ///< of the data in their file, said by the path's index and length
  bool absolute = false;   ///< paths begin with the MF
  bool is_private = false, is_modifiable = false;
  pkcs15::DodfForm form = pkcs15::DodfForm::Opaque;
  Bytes content = {};  ///< in place of objects
};

class Description {
 public:
  Description(const toml::table& table, std::string folder) : table_(table), folder_(std::move(folder)) {}

  uicc::CardImage read() {
    Section top("the description", &table_);
    read_identity(top);
    const auto definitions = top.texts("definitions").value_or(std::vector<std::string>());
    for (const char* key : {"bootstrap", "server", "object", "application"}) top.allow(key);
    if (auto section = top.table("pin")) read_pin_table(*section);
    if (auto section = top.table("secure_channel")) read_secure_channel(*section);
    if (auto section = top.table("files")) read_files(*section);
    if (auto section = top.table("sms_application")) read_sms_application(*section);
    top.finish();
    if (layout_.is_private && image_.pin.empty()) top.refuse("files", "private = true needs [pin]");
    lay_out(top, data(top, definitions));
    add_dir(top);
    return std::move(image_);
  }

  [[nodiscard]] const std::vector<std::string>& key_files() const { return key_files_; }
  /// Lines, and what is to be said of them.
  [[nodiscard]] const std::vector<std::pair<std::size_t, std::string>>& warnings() const { return warnings_; }

 private:
  [[nodiscard]] std::string in_folder(const std::string& name) const {
    return (std::filesystem::path(folder_) / name).string();
  }
  void warn_of_key(const Section& section, const std::string& key) {
    warnings_.emplace_back(section.line(key),
                           "a key stands in the description itself; " + key + "_file keeps it apart");
  }

  void read_identity(Section& top);
  void read_pin_table(Section section);
  void read_secure_channel(Section section);
  Secret<Bytes> read_key_of(Section& section, const std::string& name);
  void read_files(Section section);
  void read_sms_application(Section section);
  Bytes data(const Section& top, const std::vector<std::string>& definitions);
  void lay_out(const Section& top, Bytes content);
  std::vector<pkcs15::Application> applications(const Section& top);
  void add_dir(const Section& top);

  const toml::table& table_;
  std::string folder_;
  std::string iccid_ = kIccidDefault, label_ = kLabelDefault;
  Layout layout_;
  bool data_secured_ = false;
  uicc::CardImage image_;
  std::vector<std::string> key_files_;
  std::vector<std::pair<std::size_t, std::string>> warnings_;
};

void Description::read_identity(Section& top) {
  if (const auto iccid = top.filled_text("iccid")) iccid_ = *iccid;
  const bool digits = iccid_.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || iccid_.size() < kIccidDigitsMin || iccid_.size() > kIccidDigitsMax) {
    top.refuse("iccid", "iccid takes 18 to 20 digits in quotes");
  }
  if (const auto label = top.filled_text("label")) label_ = *label;
  if (label_.size() > kLabelMax) top.refuse("label", "label has at most " + std::to_string(kLabelMax) + " octets");
  const std::string protocol = top.text("protocol").value_or("T=1");
  if (protocol != "T=0" && protocol != "T=1") top.refuse("protocol", "protocol takes \"T=0\" or \"T=1\"");
  image_.t0 = protocol == "T=0";
}

void Description::read_pin_table(Section section) {
  constexpr std::int64_t kTriesMax = 15;  // 63Cx
  const auto file = section.filled_text("pin_file");
  if (!file) section.refuse({}, "pin_file is missing");
  key_files_.push_back(in_folder(*file));
  image_.pin = device::read_pin(section, key_files_.back());
  if (const auto tries = section.number("tries", 1, kTriesMax)) image_.pin_tries = static_cast<unsigned>(*tries);
  // TS 102 221 §9.5.1: 01 to 08 are of all applications, 81 to 88 of one.
  if (const auto reference = section.number("reference", 1, 0x88)) {
    if (*reference > 8 && *reference <= 0x80) section.refuse("reference", "reference takes 1 to 8, or 129 to 136");
    image_.pin_reference = static_cast<std::uint8_t>(*reference);
  }
  section.finish();
}

/// `name` or `name`_file; empty when there is neither.
Secret<Bytes> Description::read_key_of(Section& section, const std::string& name) {
  const auto key = section.filled_text(name);
  const auto file = section.filled_text(name + "_file");
  if (key && file) section.refuse(name, "one of " + name + " and " + name + "_file is enough");
  if (key) {
    warn_of_key(section, name);
    return value_or_refuse(section, name, device::parse_key(*key));
  }
  if (!file) return {};
  key_files_.push_back(in_folder(*file));
  return value_or_refuse(section, name + "_file", device::read_key(key_files_.back()));
}

void Description::read_secure_channel(Section section) {
  for (const char* key : {"enc", "mac", "dek"}) {
    if (section.has(key)) warn_of_key(section, key);
  }
  auto keys = device::read_channel_keys(section, folder_, key_files_);
  data_secured_ = section.truth("required").value_or(false);
  section.finish();
  image_.keys = std::move(keys);
}

void Description::read_files(Section section) {
  const std::string form = section.text("form").value_or("opaque");
  if (form == "oid") layout_.form = pkcs15::DodfForm::Oid;
  if (form == "oid-twice") layout_.form = pkcs15::DodfForm::OidWrappedTwice;
  if (form != "opaque" && layout_.form == pkcs15::DodfForm::Opaque) {
    section.refuse("form", "form takes \"opaque\", \"oid\" or \"oid-twice\"");
  }
  if (const auto aid = section.filled_text("aid")) {
    layout_.aid = aid_of(section, "aid", *aid);
    if (!pkcs15::Application{layout_.aid}.is_pkcs15()) {
      section.refuse("aid", "the AID of PKCS #15 begins with " + to_hex(pkcs15::kAid));
    }
  }
  std::set<std::uint16_t> taken = {kMasterFile, kCurrentApplication, kDir, kIccid, pkcs15::kOdf, pkcs15::kTokenInfo};
  for (const auto& [key, id] : {std::pair("application", &layout_.application), std::pair("dodf", &layout_.dodf),
                                std::pair("data", &layout_.data)}) {
    if (const auto wanted = section.number(key, 1, kIdMax)) *id = static_cast<std::uint16_t>(*wanted);
    if (!taken.insert(*id).second) section.refuse(key, std::string(key) + ": another file has this identifier");
  }
  constexpr auto kMost = static_cast<std::int64_t>(smartcard::kBootstrapFileMax);
  for (const auto& [key, size] : {std::pair("odf_size", &layout_.odf_size), std::pair("dodf_size", &layout_.dodf_size),
                                  std::pair("data_size", &layout_.data_size), std::pair("offset", &layout_.offset)}) {
    *size = static_cast<std::size_t>(section.number(key, 0, kMost).value_or(0));
  }
  layout_.absolute = section.truth("absolute_paths").value_or(false);
  layout_.is_private = section.truth("private").value_or(false);
  layout_.is_modifiable = section.truth("modifiable").value_or(false);
  if (const auto file = section.filled_text("content_file")) {
    key_files_.push_back(in_folder(*file));
    layout_.content = read_whole(section, "content_file", key_files_.back());
    if (const auto parsed = smartcard::parse_bootstrap_file(layout_.content); !parsed) {
      warnings_.emplace_back(section.line("content_file"), parsed.error().reason);
    }
  }
  section.finish();
}

void Description::read_sms_application(Section section) {
  uicc::SmsApplication application;
  const smartcard::MessageSettings usual;
  application.aid = usual.aid;
  if (const auto aid = section.filled_text("aid")) application.aid = aid_of(section, "aid", *aid);
  const auto parameters = from_hex(section.text("parameters").value_or("12121600b20203"));
  if (!parameters) section.refuse("parameters", "parameters are 14 hex digits: KIc, KID, SPI, TAR");
  application.parameters = value_or_refuse(section, "parameters", sps::Parameters::parse(*parameters));
  const Secret<Bytes> keys = read_key_of(section, "key");
  if (keys.empty()) section.refuse({}, "key_file is missing: KIc's key and KID's, one behind the other");
  application.keys = value_or_refuse(section, section.has("key") ? "key" : "key_file",
                                     sps::Keys::parse(application.parameters, keys));
  if (const auto tag = section.number("coap_tag", 1, 0xFE)) application.coap_tag = static_cast<std::uint8_t>(*tag);
  if (const auto p1 = section.number("get_data_p1", 0, 0xFF)) application.get_data_p1 = static_cast<std::uint8_t>(*p1);
  if (const auto p2 = section.number("get_data_p2", 0, 0xFF)) application.get_data_p2 = static_cast<std::uint8_t>(*p2);
  const auto required = section.truth("secure_channel_required");
  if (required.value_or(false) && !image_.keys) {
    section.refuse("secure_channel_required", "secure_channel_required = true needs [secure_channel]");
  }
  application.needs_secure_channel = required.value_or(image_.keys.has_value());
  section.finish();
  image_.sms = std::move(application);
}

Bytes Description::data(const Section& top, const std::vector<std::string>& definitions) {
  std::vector<std::string> folders;
  for (const std::string& name : definitions) folders.push_back(in_folder(name));
  const auto objects = read_contents(&table_, folder_, folders, key_files_);
  if (!layout_.content.empty()) {
    if (!objects.empty()) top.refuse("files", "content_file has the objects; there are others beside it");
    return std::move(layout_.content);
  }
  if (objects.empty()) top.refuse({}, "there is nothing on the card; give it [[server]] or [bootstrap]");
  return value_or_refuse(top, {}, smartcard::encode_bootstrap_file(objects));
}

void Description::lay_out(const Section& top, Bytes content) {
  const auto file = [&](std::uint16_t id, Bytes octets, std::size_t size, const char* name) {
    if (size != 0 && octets.size() > size) {
      top.refuse("files", std::string(name) + " has " + std::to_string(size) + " octets, and " +
                              std::to_string(octets.size()) + " are to be in it");
    }
    return uicc::File{.id = id, .content = std::move(octets), .size = size};
  };
  const auto path = [&](std::uint16_t id) {
    return pkcs15::Path{layout_.absolute ? path_of({kMasterFile, layout_.application, id}) : path_of({id})};
  };
  pkcs15::DataObject object;
  object.form = layout_.form;
  object.label = "LwM2M Bootstrap";
  if (layout_.form == pkcs15::DodfForm::Opaque) object.application = "LwM2M";
  object.is_private = layout_.is_private;
  object.is_modifiable = layout_.is_modifiable;
  if (layout_.is_private) object.auth_id = {image_.pin_reference};
  object.is_bootstrap = true;
  object.path = path(layout_.data);
  if (layout_.offset != 0) {
    object.path.index = static_cast<std::uint32_t>(layout_.offset);
    object.path.length = static_cast<std::uint32_t>(content.size());
    content.insert(content.begin(), layout_.offset, 0xFF);
  }
  if (content.size() > smartcard::kBootstrapFileMax) {
    top.refuse("files", "the data end behind octet " + std::to_string(smartcard::kBootstrapFileMax));
  }
  uicc::Folder folder{.id = layout_.application, .aid = layout_.aid, .label = label_};
  folder.files.push_back(file(pkcs15::kOdf, value_or_refuse(top, {}, pkcs15::encode_odf({path(layout_.dodf)})),
                              layout_.odf_size, "odf_size"));
  folder.files.push_back(file(pkcs15::kTokenInfo, pkcs15::encode_token_info(label_, "Drover", swapped(iccid_)), 0, ""));
  folder.files.push_back(file(layout_.dodf, value_or_refuse(top, {}, pkcs15::encode_dodf({object})),
                              layout_.dodf_size, "dodf_size"));
  folder.files.push_back(file(layout_.data, std::move(content), layout_.data_size, "data_size"));
  folder.files.back().needs_pin = layout_.is_private;
  folder.files.back().needs_secure_channel = data_secured_;
  image_.folders.push_back(std::move(folder));
}

/// `[[application]]`: others of the card, in front of ours.
std::vector<pkcs15::Application> Description::applications(const Section& top) {
  std::vector<pkcs15::Application> all;
  const toml::node* node = table_.get("application");
  if (node == nullptr) return all;
  if (!node->is_array()) top.refuse("application", "application takes tables: [[...]]");
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_table()) throw Mistake{element.source().begin.line, "application takes tables: [[...]]"};
    Section section("[[application]]", element.as_table());
    const auto aid = section.filled_text("aid");
    if (!aid) section.refuse({}, "aid is missing");
    pkcs15::Application application;
    application.aid = aid_of(section, "aid", *aid);
    if (application.is_pkcs15()) section.refuse("aid", "the application of PKCS #15 is there already: see [files]");
    application.label = section.filled_text("label").value_or("");
    if (application.label.size() > kLabelMax) {
      section.refuse("label", "label has at most " + std::to_string(kLabelMax) + " octets");
    }
    section.finish();
    all.push_back(std::move(application));
  }
  return all;
}

void Description::add_dir(const Section& top) {
  auto all = applications(top);
  std::uint16_t id = 0x7FF0;  // an ADF has no identifier of its own to be found by
  for (const pkcs15::Application& other : all) {
    image_.folders.push_back({.id = id++, .aid = other.aid, .label = other.label});
  }
  all.push_back({layout_.aid, label_, path_of({kMasterFile, layout_.application})});
  if (image_.sms) all.push_back({image_.sms->aid, "LwM2M SMS", {}});
  std::vector<Bytes> records;
  std::size_t size = kRecordMin;
  for (const pkcs15::Application& application : all) {
    records.push_back(value_or_refuse(top, {}, pkcs15::encode_dir_record(application)));
    size = std::max(size, records.back().size());
  }
  records.emplace_back();  // one that is free
  Bytes content;
  for (Bytes& record : records) {
    record.resize(size, 0xFF);
    content.insert(content.end(), record.begin(), record.end());
  }
  image_.files.push_back({.id = kDir, .content = std::move(content), .record_size = size});
  image_.files.push_back({.id = kIccid, .content = swapped(iccid_)});
}

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

std::string at(const std::string& file, std::size_t line) {
  return line == 0 ? file + ": " : file + ":" + std::to_string(line) + ": ";
}

}  // namespace

Result<uicc::CardImage> read_description(const std::string& file, std::vector<std::string>* warnings) {
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    return wrong(at(file, error.source().begin.line) + std::string(error.description()));
  }
  Description description(table, std::filesystem::path(file).parent_path().string());
  try {
    auto image = description.read();
    if (warnings == nullptr) return image;
    for (const auto& [line, text] : description.warnings()) warnings->push_back(at(file, line) + text);
    const auto& key_files = description.key_files();
    for (const std::string& name : std::set<std::string>(key_files.begin(), key_files.end())) {
      if (!io::is_readable_by_everybody(name)) continue;
      warnings->push_back("everybody on this machine may read the key in " + name + "; chmod 600 mends it");
    }
    return image;
  } catch (const Mistake& mistake) {
    return wrong(at(file, mistake.line) + mistake.reason);
  }
}

}  // namespace drover::card
