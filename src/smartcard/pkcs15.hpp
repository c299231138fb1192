// SPDX-License-Identifier: Apache-2.0
// How a card says where its bootstrap data are: EF(DIR), EF(ODF) and EF(DODF-bootstrap) (Core G.1 to G.3; PKCS #15 v1.1
// §5.5, §6.1, §6.7; ETSI TS 102 221 §13.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smartcard::pkcs15 {

/// "PKCS-15" behind RSA's registered provider; AIDs begin so (PKCS #15 §5.7).
inline constexpr std::array<std::uint8_t, 12> kAid = {0xA0, 0x00, 0x00, 0x00, 0x63, 0x50,
                                                      0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35};
inline constexpr std::uint16_t kOdf = 0x5031;
inline constexpr std::uint16_t kTokenInfo = 0x5032;
inline constexpr std::uint16_t kDodf = 0x6430;
/// 2.23.43.9.1, of the LwM2M bootstrap object (Core G.3.2), without tag and length.
inline constexpr std::array<std::uint8_t, 4> kBootstrapOid = {0x67, 0x2B, 0x09, 0x01};

/// Path (PKCS #15 §5.1.3): file identifiers one behind the other, two octets each, from the MF (3F00) or relative to the
/// application; and which part of the file is meant.
struct Path {
  Bytes file = {};
  std::optional<std::uint32_t> index = {};   ///< first octet
  std::optional<std::uint32_t> length = {};
  friend bool operator==(const Path&, const Path&) = default;
};

/// An application template of EF(DIR) (tag 61).
struct Application {
  Bytes aid = {};
  std::string label = {};
  Bytes path = {};  ///< tag 51; empty: none
  [[nodiscard]] bool is_pkcs15() const;
  friend bool operator==(const Application&, const Application&) = default;
};

/// How an entry of EF(DODF) says that it is the LwM2M bootstrap object; each is seen in the field.
enum class DodfForm : std::uint8_t {
  Opaque,         ///< opaque data object with the OID as applicationOID (G.3.2)
  Oid,            ///< data object known by its OID (oidDO)
  OidWrappedTwice,  ///< the same with the OID's encoding as its content, as in the example of a later text
};
const char* to_string(DodfForm form);

/// An entry of EF(DODF).
struct DataObject {
  DodfForm form{};
  std::string label = {};        ///< CommonObjectAttributes.label, or where the third form has it
  std::string application = {};  ///< applicationName
  bool is_private = false;       ///< reading takes a PIN
  bool is_modifiable = false;
  Bytes auth_id = {};            ///< of the PIN's authentication object; empty: none
  bool is_bootstrap = false;     ///< its OID is kBootstrapOid
  Path path = {};
  friend bool operator==(const DataObject&, const DataObject&) = default;
};

/// Entries that a file may have; past it an error.
inline constexpr std::size_t kEntriesMax = 64;

// Padding (FF or 00) ends a file. Each error says which octet of what is wrong.
/// A record of EF(DIR); nothing where the record is empty.
Result<std::optional<Application>> parse_dir_record(ByteView record);
/// The paths of the DODFs (tag A7), in order; other kinds of directories are skipped. References by ObjectId aren't
/// followed.
Result<std::vector<Path>> parse_odf(ByteView file);
/// Data objects of the three kinds. One that holds its value directly, or elsewhere than on the card, is skipped.
Result<std::vector<DataObject>> parse_dodf(ByteView file);

// For those who make cards. Lengths that a form can't say are Fault::Environment.
Result<Bytes> encode_dir_record(const Application& application);
Result<Bytes> encode_odf(const std::vector<Path>& dodfs);
Result<Bytes> encode_dodf(const std::vector<DataObject>& objects);
/// EF(TokenInfo), which others' readers ask for (PKCS #15 §6.9).
Bytes encode_token_info(const std::string& label, const std::string& manufacturer, ByteView serial);

}  // namespace drover::smartcard::pkcs15
