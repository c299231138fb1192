// SPDX-License-Identifier: Apache-2.0
#include "store/import.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "store/key_text.hpp"

namespace drover::store {

namespace {

constexpr std::array<std::string_view, 6> kColumns = {"kind", "identity", "key", "endpoint", "label", "purpose"};
enum Column : std::size_t { Kind, Identity, Key, Endpoint, Label, Use };

struct Row {
  std::size_t line = 0;
  std::vector<std::string> fields;
  const char* wrong = nullptr;
};

/// RFC 4180 §2.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Nothing at the end. Empty lines are passed over.
  std::optional<Row> next() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {
      if (text_[at_++] == '\n') ++line_;
    }
    if (at_ == text_.size()) return std::nullopt;
    Row row;
    row.line = line_;
    do {
      row.fields.push_back(field(row));
    } while (at_ < text_.size() && text_[at_++] == ',' && row.wrong == nullptr);
    if (row.wrong != nullptr) skip_line();
    if (at_ > 0 && at_ <= text_.size() && text_[at_ - 1] == '\n') ++line_;
    return row;
  }

 private:
  std::string field(Row& row) {
    if (at_ < text_.size() && text_[at_] == '"') return quoted(row);
    const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string_view value = text_.substr(at_, end - at_);
    at_ = end;
    if (value.ends_with('\r')) value.remove_suffix(1);
    if (value.find('"') != std::string_view::npos) row.wrong = "a field with a quotation mark must be in quotation marks";
    return std::string(value);
  }

  std::string quoted(Row& row) {
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        value += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        value += text_[at_++];
      } else {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\r') ++at_;
        if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
          row.wrong = "there is text after a closing quotation mark";
        }
        return value;
      }
    }
    row.wrong = "the closing quotation mark is missing";
    return value;
  }

  /// To behind the line end, where a row that was read to its end stands, too.
  void skip_line() {
    if (at_ > 0 && at_ <= text_.size() && text_[at_ - 1] == '\n') return;
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

/// Which field holds which column.
using Places = std::array<std::optional<std::size_t>, kColumns.size()>;

std::optional<std::string> read_header(const Row& row, Places& places) {
  if (row.wrong != nullptr) return row.wrong;
  for (std::size_t i = 0; i < row.fields.size(); ++i) {
    const auto found = std::find(kColumns.begin(), kColumns.end(), row.fields[i]);
    // Not named: without a header the first row holds a key.
    if (found == kColumns.end()) return "the header row must be of kind, identity, key, endpoint, label, purpose";
    auto& place = places[static_cast<std::size_t>(found - kColumns.begin())];
    if (place) return "the header row has the column " + row.fields[i] + " twice";
    place = i;
  }
  if (!places[Kind]) return "the header row has no column kind";
  return std::nullopt;
}

tl::expected<NewCredential, std::string> read_credential(const Row& row, const Places& places, std::size_t columns) {
  if (row.wrong != nullptr) return tl::unexpected(std::string(row.wrong));
  if (row.fields.size() != columns) {
    return tl::unexpected("there are " + std::to_string(row.fields.size()) + " fields instead of " +
                          std::to_string(columns));
  }
  const auto field = [&](Column column) { return places[column] ? row.fields[*places[column]] : std::string(); };
  NewCredential credential;
  const auto kind = parse_kind(field(Kind));
  if (!kind) return tl::unexpected(std::string("kind must be psk, public-key or certificate"));
  credential.kind = *kind;
  const std::string use = field(Use);
  const auto purpose = use.empty() ? Purpose::Server : parse_purpose(use);
  if (!purpose) return tl::unexpected(std::string("purpose must be server or bootstrap"));
  credential.purpose = *purpose;
  credential.identity = field(Identity);
  credential.endpoint = field(Endpoint);
  credential.label = field(Label);
  auto key = parse_key(field(Key));
  if (!key) return tl::unexpected(std::string("key must be hexadecimal digits, or base64: and Base64"));
  if (*kind != IdentityKind::PublicKey) {
    credential.key = Secret<Bytes>(std::move(*key));
    return credential;
  }
  if (!credential.identity.empty()) return tl::unexpected(std::string("a public key has no identity; it stands in key"));
  credential.identity = std::string(as_text(*key));
  return credential;
}

}  // namespace

Import read_import(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // spreadsheets write it
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Import import;
  Reader reader(text);
  Places places;
  const auto header = reader.next();
  if (!header) {
    import.problems.push_back({0, "the table is empty"});
    return import;
  }
  if (auto wrong = read_header(*header, places)) {
    import.problems.push_back({header->line, std::move(*wrong)});
    return import;
  }
  std::size_t rows = 0;
  while (const auto row = reader.next()) {
    if (++rows > kImportMax) {
      return {.credentials = {},
              .lines = {},
              .problems = {{row->line, "there are more than " + std::to_string(kImportMax) + " rows"}}};
    }
    auto credential = read_credential(*row, places, header->fields.size());
    if (!credential) {
      import.problems.push_back({row->line, std::move(credential.error())});
      continue;
    }
    import.credentials.push_back(std::move(*credential));
    import.lines.push_back(row->line);
  }
  return import;
}

}  // namespace drover::store
