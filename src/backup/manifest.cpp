// SPDX-License-Identifier: Apache-2.0
#include "backup/manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.hpp"

namespace drover::backup {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::string_view kImage = "image-";
constexpr std::size_t kDigestDigits = 64;

bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits && from_hex(text) && std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
}

}  // namespace

bool is_file_name(std::string_view name) {
  if (name.starts_with(kImage)) return is_digest(name.substr(kImage.size()));
  return name == "store" || name == "fleet" || name == "values";
}

std::string to_json(const Manifest& manifest) {
  Json files = Json::array();
  for (const File& file : manifest.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  const Json json = {{"format", kFormat},
                     {"id", manifest.id},
                     {"made_at", manifest.made_at},
                     {"version", manifest.version},
                     {"files", std::move(files)}};
  return json.dump(2) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  try {
    const Json json = Json::parse(text);
    if (json.at("format").get<int>() > kFormat) return peer_error(0, "it is of a later version");
    manifest.id = json.at("id").get<std::string>();
    manifest.made_at = json.at("made_at").get<UnixSeconds>();
    manifest.version = json.at("version").get<std::string>();
    for (const Json& each : json.at("files")) {
      File file{each.at("name").get<std::string>(), each.at("size").get<std::uint64_t>(),
                each.at("sha256").get<std::string>()};
      const bool twice = std::ranges::any_of(manifest.files, [&](const File& one) { return one.name == file.name; });
      if (twice || !is_file_name(file.name) || !is_digest(file.sha256)) return peer_error(0, "it lists what is no part of a backup");
      manifest.files.push_back(std::move(file));
    }
  } catch (const Json::exception&) {
    return peer_error(0, "it is no list of a backup");
  }
  if (std::ranges::none_of(manifest.files, [](const File& file) { return file.name == "store"; })) {
    return peer_error(0, "the store is missing from it");
  }
  return manifest;
}

}  // namespace drover::backup
