// SPDX-License-Identifier: Apache-2.0
// Short texts that people put on devices, to find them again.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/credential.hpp"
#include "store/store_file.hpp"

namespace drover::jobs {

inline constexpr std::size_t kTagMax = 64;           ///< bytes of one
inline constexpr std::size_t kTagsOfDeviceMax = 32;  ///< tags
inline constexpr std::size_t kTagKindsMax = 10'000;  ///< different ones
inline constexpr std::size_t kTaggedMax = 1'000'000; ///< devices with any
inline constexpr std::size_t kEndpointMax = 255;     ///< bytes, as in a Register (a CoAP option of RFC 7252 §5.10)

/// Letters, digits, '-', '_', '.', ':', '/', '+', '=' and what isn't ASCII: nothing that a query or a table separates
/// with. Refused with the field "tags".
std::optional<store::Refusal> check_tag(std::string_view tag);

using TagSet = std::set<std::string, std::less<>>;

/// Devices needn't be registered. Reading is from memory; a change waits for the disk. Thread-safe; changes take turns.
class Tags {
 public:
  struct Count {
    std::string tag;
    std::size_t devices = 0;
  };
  enum class Change : std::uint8_t {
    Replace,  ///< these and no others
    Add,
    Remove,  ///< without effect for those that aren't there
  };

  /// Reads all of the table. An error names what is damaged.
  static Result<std::unique_ptr<Tags>> open(std::shared_ptr<store::StoreFile> file);

  [[nodiscard]] TagSet of(std::string_view endpoint) const;
  [[nodiscard]] bool has_all(std::string_view endpoint, const std::vector<std::string>& tags) const;
  /// Devices with all of `tags`, which isn't empty: behind `after`, ascending, at most `count`.
  [[nodiscard]] std::vector<std::string> endpoints(const std::vector<std::string>& tags, std::string_view after,
                                                   std::size_t count) const;
  /// By tag.
  [[nodiscard]] std::vector<Count> counts() const;
  /// The tags that the device has then. Refused: a wrong tag or endpoint, too many, a disk that fails; all stays as it
  /// was.
  store::Answer<TagSet> change(const std::string& endpoint, const TagSet& tags, Change how);

 private:
  explicit Tags(std::shared_ptr<store::StoreFile> file) : file_(std::move(file)) {}
  [[nodiscard]] std::optional<store::Refusal> check_room(const TagSet& before, const TagSet& after) const;
  void apply(const std::string& endpoint, const TagSet& before, const TagSet& after);

  const std::shared_ptr<store::StoreFile> file_;
  std::mutex changing_;  ///< taken before reading_
  mutable std::shared_mutex reading_;
  std::unordered_map<std::string, TagSet> of_;  ///< looked up only
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> with_;
};

}  // namespace drover::jobs
