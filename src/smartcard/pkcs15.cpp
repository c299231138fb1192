// SPDX-License-Identifier: Apache-2.0
#include "smartcard/pkcs15.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "smartcard/ber.hpp"

namespace drover::smartcard::pkcs15 {
namespace {

using ber::Element;

constexpr std::size_t kAidMin = 5, kAidMax = 16;  // ISO/IEC 7816-4 §8.2.1.2
constexpr std::size_t kPathMax = 32;              // sixteen levels; the deepest that cards have is three
constexpr std::size_t kTextMax = 255;             // PKCS #15 §5.3 (pkcs15-ub-label)
constexpr std::size_t kAuthIdMax = 255;           // pkcs15-ub-identifier
constexpr std::uint8_t kPrivate = 0x80, kModifiable = 0x40;  // CommonObjectFlags, bits 0 and 1

namespace tag {
// Universal.
constexpr ber::Tag kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04, kOid = 0x06, kUtf8String = 0x0C,
                   kSequence = 0x30;
// Of a choice or a member.
constexpr ber::Tag kLength = 0x80;          // Path.length
constexpr ber::Tag kOidDo = 0xA1;           // DataType
constexpr ber::Tag kTypeAttributes = 0xA1;  // PKCS15Object
constexpr ber::Tag kDataObjects = 0xA7;     // PKCS15Objects
constexpr ber::Tag kLabelOfToken = 0x80;    // TokenInfo
// EF(DIR) (TS 102 221 §13.1; ISO/IEC 7816-5).
constexpr ber::Tag kTemplate = 0x61, kAidOf = 0x4F, kLabel = 0x50, kPathOf = 0x51;
}  // namespace tag

tl::unexpected<Error> malformed(std::size_t octet, const std::string& reason) {
  return peer_error(0, "octet " + std::to_string(octet) + ": " + reason);
}

tl::unexpected<Error> unfit(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

/// `result` with the name of the file in its error.
template <class T>
Result<T> of_file(const char* file, Result<T> result) {
  if (!result) result.error().reason = std::string(file) + ", " + result.error().reason;
  return result;
}

/// What people can be shown, whatever the card says: EF(DIR) may have other alphabets than UTF-8.
std::string text_of(ByteView octets) {
  const auto is_plain = [](std::uint8_t octet) { return octet >= 0x20 && octet != 0x7F; };
  std::string text(as_text(octets));
  if (is_utf8(text) && std::all_of(octets.begin(), octets.end(), is_plain)) return text;
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text;
}

/// The element with that tag; an error where it is missing.
Result<Element> need(const Element& in, ber::Tag wanted, const char* name) {
  const auto found = ber::find(in, wanted);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return malformed(in.value_at, std::string(name) + " is missing");
  return **found;
}

Result<std::optional<std::uint32_t>> optional_number(const Element& in, ber::Tag wanted, const char* name) {
  const auto found = ber::find(in, wanted);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::nullopt;
  const auto number = ber::number((*found)->value, true);
  if (!number) return malformed((*found)->at, std::string(name) + " isn't a number that can be");
  return number;
}

Result<Path> parse_path(const Element& sequence) {
  const auto file = need(sequence, tag::kOctetString, "the path");
  if (!file) return tl::unexpected(file.error());
  const std::size_t size = file->value.size();
  if (size == 0 || size % 2 != 0 || size > kPathMax) {
    return malformed(file->at, "a path of " + std::to_string(size) + " octets");
  }
  const auto index = optional_number(sequence, tag::kInteger, "the path's index");
  if (!index) return tl::unexpected(index.error());
  const auto length = optional_number(sequence, tag::kLength, "the path's length");
  if (!length) return tl::unexpected(length.error());
  return Path{Bytes(file->value.begin(), file->value.end()), *index, *length};
}

/// The text of the first UTF8String in there; "" without one.
Result<std::string> text_in(const Element& sequence) {
  const auto found = ber::find(sequence, tag::kUtf8String);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::string();
  if ((*found)->value.size() > kTextMax) return malformed((*found)->at, "a text of too many octets");
  return text_of((*found)->value);
}

/// CommonObjectAttributes (PKCS #15 §6.1.8).
Result<void> parse_common(const Element& sequence, DataObject& object) {
  auto label = text_in(sequence);
  if (!label) return tl::unexpected(label.error());
  object.label = std::move(*label);
  const auto flags = ber::find(sequence, tag::kBitString);
  if (!flags) return tl::unexpected(flags.error());
  if (*flags) {
    const ByteView bits = (*flags)->value;
    if (bits.empty() || bits[0] > 7) return malformed((*flags)->at, "flags aren't a bit string");
    const std::uint8_t first = bits.size() > 1 ? bits[1] : 0;
    object.is_private = (first & kPrivate) != 0;
    object.is_modifiable = (first & kModifiable) != 0;
  }
  const auto auth_id = ber::find(sequence, tag::kOctetString);
  if (!auth_id) return tl::unexpected(auth_id.error());
  if (!*auth_id) return {};
  const ByteView id = (*auth_id)->value;
  if (id.size() > kAuthIdMax) return malformed((*auth_id)->at, "an authId of too many octets");
  object.auth_id.assign(id.begin(), id.end());
  return {};
}

bool is_bootstrap_oid(ByteView oid) {
  return std::equal(oid.begin(), oid.end(), kBootstrapOid.begin(), kBootstrapOid.end());
}

/// The OID inside of an OID's value; nothing when it isn't wrapped.
std::optional<ByteView> unwrapped(ByteView oid) {
  if (oid.size() < 3 || oid[0] != tag::kOid || oid[1] != oid.size() - 2) return std::nullopt;
  return oid.subspan(2);
}

/// The path of an ObjectValue (PKCS #15 §6.1.9); nothing when the value is elsewhere.
Result<bool> parse_value(const std::optional<Element>& value, DataObject& object) {
  if (!value || value->tag != tag::kSequence) return false;
  auto path = parse_path(*value);
  if (!path) return tl::unexpected(path.error());
  object.path = std::move(*path);
  return true;
}

Result<bool> parse_oid_value(const Element& attributes, DataObject& object) {
  const auto sequence = need(attributes, tag::kSequence, "the value of an oidDO");
  if (!sequence) return tl::unexpected(sequence.error());
  ber::Reader reader(*sequence);
  const auto id = reader.next();
  if (!id) return tl::unexpected(id.error());
  if (!*id || (*id)->tag != tag::kOid) return malformed(sequence->value_at, "the OID of an oidDO is missing");
  const auto inner = unwrapped((*id)->value);
  object.form = inner ? DodfForm::OidWrappedTwice : DodfForm::Oid;
  object.is_bootstrap = is_bootstrap_oid(inner.value_or((*id)->value));
  const auto value = reader.next();
  if (!value) return tl::unexpected(value.error());
  return parse_value(*value, object);
}

Result<bool> parse_opaque_value(const Element& attributes, DataObject& object) {
  ber::Reader reader(attributes);
  const auto value = reader.next();
  if (!value) return tl::unexpected(value.error());
  return parse_value(*value, object);
}

/// PKCS15Object (§6.1.6); nothing when its value isn't on the card.
Result<std::optional<DataObject>> parse_object(const Element& entry) {
  DataObject object;
  ber::Reader reader(entry);
  const auto common = reader.next();
  if (!common) return tl::unexpected(common.error());
  if (!*common || (*common)->tag != tag::kSequence) {
    return malformed(entry.value_at, "CommonObjectAttributes are missing");
  }
  if (auto parsed = parse_common(**common, object); !parsed) return tl::unexpected(parsed.error());
  const std::size_t class_at = reader.at();
  const auto data = reader.next();
  if (!data) return tl::unexpected(data.error());
  if (!*data || (*data)->tag != tag::kSequence) return malformed(class_at, "CommonDataObjectAttributes are missing");
  auto application = text_in(**data);
  if (!application) return tl::unexpected(application.error());
  object.application = std::move(*application);
  const auto oid = ber::find(**data, tag::kOid);
  if (!oid) return tl::unexpected(oid.error());

  const std::size_t rest_at = reader.at();
  const auto attributes = ber::find(entry.value.subspan(rest_at - entry.value_at), tag::kTypeAttributes, rest_at);
  if (!attributes) return tl::unexpected(attributes.error());
  if (!*attributes) return malformed(rest_at, "typeAttributes are missing");
  const bool is_oid_do = entry.tag == tag::kOidDo;
  if (!is_oid_do && *oid) object.is_bootstrap = is_bootstrap_oid(unwrapped((*oid)->value).value_or((*oid)->value));
  const auto on_card = is_oid_do ? parse_oid_value(**attributes, object) : parse_opaque_value(**attributes, object);
  if (!on_card) return tl::unexpected(on_card.error());
  if (!*on_card) return std::nullopt;
  if (object.form == DodfForm::OidWrappedTwice && object.label.empty()) std::swap(object.label, object.application);
  return object;
}

Result<std::optional<Application>> parse_template(ByteView record) {
  const auto found = ber::Reader(record).next();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::nullopt;
  if ((*found)->tag != tag::kTemplate) return malformed((*found)->at, "it isn't an application template");
  const Element& content = **found;
  const auto aid = need(content, tag::kAidOf, "the AID");
  if (!aid) return tl::unexpected(aid.error());
  if (aid->value.size() < kAidMin || aid->value.size() > kAidMax) {
    return malformed(aid->at, "an AID of " + std::to_string(aid->value.size()) + " octets");
  }
  Application application;
  application.aid.assign(aid->value.begin(), aid->value.end());
  const auto label = ber::find(content, tag::kLabel);
  if (!label) return tl::unexpected(label.error());
  if (*label) application.label = text_of((*label)->value);
  const auto path = ber::find(content, tag::kPathOf);
  if (!path) return tl::unexpected(path.error());
  if (*path) application.path.assign((*path)->value.begin(), (*path)->value.end());
  return application;
}

Result<std::vector<Path>> parse_directories(ByteView file) {
  std::vector<Path> paths;
  ber::Reader reader(file);
  for (std::size_t entries = 0;; ++entries) {
    const auto entry = reader.next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return paths;
    if (entries == kEntriesMax) return malformed((*entry)->at, "more than " + std::to_string(kEntriesMax) + " entries");
    if ((*entry)->tag != tag::kDataObjects) continue;
    const auto content = ber::Reader(**entry).next();
    if (!content) return tl::unexpected(content.error());
    if (!*content) return malformed((*entry)->at, "an entry without a path");
    if ((*content)->tag != tag::kSequence) continue;  // the objects themselves, or where others keep them
    auto path = parse_path(**content);
    if (!path) return tl::unexpected(path.error());
    paths.push_back(std::move(*path));
  }
}

Result<std::vector<DataObject>> parse_objects(ByteView file) {
  std::vector<DataObject> objects;
  ber::Reader reader(file);
  for (std::size_t entries = 0;; ++entries) {
    const auto entry = reader.next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return objects;
    if (entries == kEntriesMax) return malformed((*entry)->at, "more than " + std::to_string(kEntriesMax) + " entries");
    if ((*entry)->tag != tag::kSequence && (*entry)->tag != tag::kOidDo) continue;
    auto object = parse_object(**entry);
    if (!object) return tl::unexpected(object.error());
    if (*object) objects.push_back(std::move(**object));
  }
}

// ---- writing

Bytes oid(bool wrapped) {
  Bytes plain = ber::element(tag::kOid, {kBootstrapOid});
  return wrapped ? ber::element(tag::kOid, {plain}) : plain;
}

Bytes text_element(const std::string& text) {
  return text.empty() ? Bytes() : ber::element(tag::kUtf8String, {as_bytes(text)});
}

Result<Bytes> encode_path(const Path& path) {
  if (path.file.empty() || path.file.size() % 2 != 0 || path.file.size() > kPathMax) {
    return unfit("a path consists of 1 to " + std::to_string(kPathMax / 2) + " file identifiers");
  }
  const Bytes index = path.index ? ber::element(tag::kInteger, {ber::integer(*path.index)}) : Bytes();
  const Bytes length = path.length ? ber::element(tag::kLength, {ber::integer(*path.length)}) : Bytes();
  return ber::element(tag::kSequence, {ber::element(tag::kOctetString, {path.file}), index, length});
}

/// CommonObjectFlags as a BIT STRING without zeros at its end (X.690 §11.2.2).
Bytes flags_of(const DataObject& object) {
  if (!object.is_private && !object.is_modifiable) return {};
  const std::uint8_t unused = object.is_modifiable ? 6 : 7;
  const unsigned bits = (object.is_private ? kPrivate : 0U) | (object.is_modifiable ? kModifiable : 0U);
  const Bytes value = {unused, static_cast<std::uint8_t>(bits)};
  return ber::element(tag::kBitString, {value});
}

Result<Bytes> encode_object(const DataObject& object) {
  if (object.label.size() > kTextMax || object.application.size() > kTextMax) {
    return unfit("a label or an application's name has at most " + std::to_string(kTextMax) + " octets");
  }
  if (object.auth_id.size() > kAuthIdMax) {
    return unfit("an authId has at most " + std::to_string(kAuthIdMax) + " octets");
  }
  const bool opaque = object.form == DodfForm::Opaque;
  const bool wrapped = object.form == DodfForm::OidWrappedTwice;
  if (!opaque && !object.is_bootstrap) return unfit("an oidDO has no OID but that of the bootstrap object");
  const auto path = encode_path(object.path);
  if (!path) return path;
  // The third form has its label where the others have the application's name.
  const bool label_moves = wrapped && object.application.empty();
  const Bytes label = text_element(object.label);
  const Bytes auth_id = object.auth_id.empty() ? Bytes() : ber::element(tag::kOctetString, {object.auth_id});
  const Bytes common =
      ber::element(tag::kSequence, {label_moves ? Bytes() : label, flags_of(object), auth_id});
  const Bytes data = ber::element(tag::kSequence, {label_moves ? label : text_element(object.application),
                                                   opaque && object.is_bootstrap ? oid(false) : Bytes()});
  const Bytes value = opaque ? *path : ber::element(tag::kSequence, {oid(wrapped), *path});
  return ber::element(opaque ? tag::kSequence : tag::kOidDo,
                      {common, data, ber::element(tag::kTypeAttributes, {value})});
}

}  // namespace

bool Application::is_pkcs15() const {
  return aid.size() >= kAid.size() && std::equal(kAid.begin(), kAid.end(), aid.begin());
}

const char* to_string(DodfForm form) {
  switch (form) {
    case DodfForm::Opaque: return "opaque data object";
    case DodfForm::Oid: return "oidDO";
    case DodfForm::OidWrappedTwice: return "oidDO with its OID wrapped twice";
  }
  return "";
}

Result<std::optional<Application>> parse_dir_record(ByteView record) {
  return of_file("EF(DIR)", parse_template(record));
}

Result<std::vector<Path>> parse_odf(ByteView file) { return of_file("EF(ODF)", parse_directories(file)); }

Result<std::vector<DataObject>> parse_dodf(ByteView file) { return of_file("EF(DODF)", parse_objects(file)); }

Result<Bytes> encode_dir_record(const Application& application) {
  if (application.aid.size() < kAidMin || application.aid.size() > kAidMax) return unfit("an AID has 5 to 16 octets");
  if (application.label.size() > kTextMax) {
    return unfit("a label has at most " + std::to_string(kTextMax) + " octets");
  }
  if (application.path.size() % 2 != 0 || application.path.size() > kPathMax) {
    return unfit("an application's path consists of file identifiers");
  }
  const Bytes label = application.label.empty() ? Bytes() : ber::element(tag::kLabel, {as_bytes(application.label)});
  const Bytes path = application.path.empty() ? Bytes() : ber::element(tag::kPathOf, {application.path});
  return ber::element(tag::kTemplate, {ber::element(tag::kAidOf, {application.aid}), label, path});
}

Result<Bytes> encode_odf(const std::vector<Path>& dodfs) {
  if (dodfs.size() > kEntriesMax) return unfit("EF(ODF) has at most " + std::to_string(kEntriesMax) + " entries");
  Bytes file;
  for (const Path& path : dodfs) {
    const auto encoded = encode_path(path);
    if (!encoded) return encoded;
    const Bytes entry = ber::element(tag::kDataObjects, {*encoded});
    file.insert(file.end(), entry.begin(), entry.end());
  }
  return file;
}

Result<Bytes> encode_dodf(const std::vector<DataObject>& objects) {
  if (objects.size() > kEntriesMax) return unfit("EF(DODF) has at most " + std::to_string(kEntriesMax) + " entries");
  Bytes file;
  for (const DataObject& object : objects) {
    const auto entry = encode_object(object);
    if (!entry) return entry;
    file.insert(file.end(), entry->begin(), entry->end());
  }
  return file;
}

Bytes encode_token_info(const std::string& label, const std::string& manufacturer, ByteView serial) {
  const Bytes version = {0};         // v1
  const Bytes flags = {0x07, 0x80};  // TokenFlags: readonly
  const std::string_view name = std::string_view(label).substr(0, kTextMax);
  const std::string_view maker = std::string_view(manufacturer).substr(0, kTextMax);
  return ber::element(tag::kSequence,
                      {ber::element(tag::kInteger, {version}), ber::element(tag::kOctetString, {serial}),
                       ber::element(tag::kUtf8String, {as_bytes(maker)}),
                       ber::element(tag::kLabelOfToken, {as_bytes(name)}),
                       ber::element(tag::kBitString, {flags})});
}

}  // namespace drover::smartcard::pkcs15
