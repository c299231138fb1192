// SPDX-License-Identifier: Apache-2.0
// Descriptions in a folder of their own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "apps/card/description.hpp"

namespace drover::card {

class DescriptionTest : public testing::Test {
 protected:
  DescriptionTest() {
    std::string name = (std::filesystem::temp_directory_path() / "drover-card-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~DescriptionTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text, bool secret = true) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    using std::filesystem::perms;
    const perms owner = perms::owner_read | perms::owner_write;
    std::filesystem::permissions(path, secret ? owner : owner | perms::others_read);
    return path.string();
  }

  Result<smartcard::uicc::CardImage> read(std::string_view text) {
    return read_description(write("card.toml", text), &warnings_);
  }

  /// What is wrong, without the folder's name.
  std::string refusal(std::string_view text) {
    const auto image = read(text);
    if (image) return "read";
    std::string reason = image.error().reason;
    const std::string folder = folder_.string() + "/";
    for (auto at = reason.find(folder); at != std::string::npos; at = reason.find(folder)) {
      reason.erase(at, folder.size());
    }
    return reason;
  }

  static const smartcard::uicc::File& file(const smartcard::uicc::CardImage& image, std::uint16_t id) {
    const auto has_id = [id](const auto& each) { return each.id == id; };
    for (const auto& folder : image.folders) {
      const auto found = std::find_if(folder.files.begin(), folder.files.end(), has_id);
      if (found != folder.files.end()) return *found;
    }
    return *std::find_if(image.files.begin(), image.files.end(), has_id);
  }

  std::filesystem::path folder_;
  std::vector<std::string> warnings_;
};

inline Bytes octets(std::string_view digits) {
  std::string packed(digits);
  std::erase(packed, ' ');
  return from_hex(packed).value();
}

}  // namespace drover::card
