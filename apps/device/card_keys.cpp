// SPDX-License-Identifier: Apache-2.0
#include "apps/device/card_keys.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "apps/device/security.hpp"

namespace drover::device {
namespace {

std::string in_folder(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

/// `name` or `name`_file; empty when there is neither.
Secret<Bytes> read_one(Section& section, const std::string& name, const std::string& folder,
                       std::vector<std::string>& key_files) {
  const std::string in_file = name + "_file";
  const auto take = [&](const std::string& key, Result<Secret<Bytes>> read) {
    if (!read) section.refuse(key, key + ": " + read.error().reason);
    return std::move(*read);
  };
  const auto text = section.filled_text(name);
  const auto file = section.filled_text(in_file);
  if (text && file) section.refuse(name, "one of " + name + " and " + in_file + " is enough");
  if (text) return take(name, parse_key(*text));
  if (!file) return {};
  key_files.push_back(in_folder(folder, *file));
  return take(in_file, read_key(key_files.back()));
}

void read_all(const Section& section, const std::string& file, smartcard::scp03::Keys& keys) {
  std::ifstream stream(file);
  if (!stream) section.refuse("key_file", file + ": can't be read");
  const std::map<std::string, Secret<Bytes>*, std::less<>> names = {
      {"ENC", &keys.enc}, {"MAC", &keys.mac}, {"DEK", &keys.dek}};
  std::string text;
  for (std::size_t number = 1; std::getline(stream, text); ++number) {
    const Secret<std::string> line(text.substr(0, text.find('#')));
    const std::string_view content = line.reveal();
    const std::string where = file + ":" + std::to_string(number) + ": ";
    const std::size_t equals = std::min(content.find('='), content.size());
    std::string name;
    std::copy_if(content.begin(), content.begin() + equals, std::back_inserter(name), [](char c) { return c > ' '; });
    if (name.empty() && equals == content.size()) continue;
    const auto found = names.find(name);
    if (equals == content.size() || found == names.end()) {
      section.refuse("key_file", where + "takes ENC = ..., MAC = ... and DEK = ...");
    }
    auto key = parse_key(content.substr(equals + 1));
    if (!key) section.refuse("key_file", where + key.error().reason);
    *found->second = std::move(*key);
  }
}

}  // namespace

smartcard::scp03::Keys read_channel_keys(Section& section, const std::string& folder,
                                         std::vector<std::string>& key_files) {
  smartcard::scp03::Keys keys;
  const auto file = section.filled_text("key_file");
  keys.enc = read_one(section, "enc", folder, key_files);
  keys.mac = read_one(section, "mac", folder, key_files);
  keys.dek = read_one(section, "dek", folder, key_files);
  if (file) {
    if (!keys.enc.empty() || !keys.mac.empty() || !keys.dek.empty()) {
      section.refuse("key_file", "key_file has all three keys; there are others beside it");
    }
    key_files.push_back(in_folder(folder, *file));
    read_all(section, key_files.back(), keys);
  }
  if (keys.enc.empty() || keys.mac.empty()) {
    section.refuse({}, "it needs KEY_ENC and KEY_MAC: key_file, or enc_file and mac_file");
  }
  constexpr std::int64_t kVersionMax = 0x7F;  // GlobalPlatform Card Specification §11.1.8
  if (const auto version = section.number("version", 0, kVersionMax)) keys.version = static_cast<std::uint8_t>(*version);
  if (const auto fits = keys.check(); !fits) section.refuse({}, fits.error().reason);
  return keys;
}

}  // namespace drover::device
