// SPDX-License-Identifier: Apache-2.0
#include "io/definitions.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "lwm2m/model/ddf.hpp"

namespace drover::io {
namespace {

namespace fs = std::filesystem;

/// A test's program lies that deep in a build's tree.
constexpr int kLevelsMax = 4;

tl::unexpected<Error> broken(std::string reason) {
  return tl::unexpected<Error>(Error{Fault::Environment, 0, std::move(reason)});
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return broken(path.string() + ": can't be opened");
  std::string text;
  // One byte more than allowed, so that the parser sees that a file is too long without all of it being read.
  text.resize(lwm2m::model::kDdfBytesMax + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return broken(path.string() + ": can't be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

/// What to do with a definition that the registry refuses.
enum class Clash : std::uint8_t { Fail, PassOver };

Result<void> load_file(const fs::path& path, lwm2m::model::Registry& registry, Clash clash) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  auto objects = lwm2m::model::parse_ddf(*text, path.string());
  if (!objects) return tl::unexpected(objects.error());
  for (auto& object : *objects) {
    const std::size_t line = object.line;
    const auto added = registry.add(std::move(object));
    if (!added && clash == Clash::Fail)
      return broken(path.string() + ":" + std::to_string(line) + ": " + added.error().reason);
  }
  return {};
}

Result<void> load_folder(const std::string& folder, lwm2m::model::Registry& registry, Clash clash) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".xml") files.push_back(entry->path());
  }
  if (error) return broken(folder + ": no folder of object definitions: " + error.message());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const auto loaded = load_file(file, registry, clash);
    if (!loaded) return loaded;
  }
  return {};
}

}  // namespace

Result<void> load_definitions(const std::string& folder, lwm2m::model::Registry& registry) {
  return load_folder(folder, registry, Clash::Fail);
}

Result<void> complete_definitions(const std::string& folder, lwm2m::model::Registry& registry) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return {};
  return load_folder(folder, registry, Clash::PassOver);
}

std::string definitions_folder(const std::string& name) {
  if (const char* chosen = std::getenv("DROVER_OBJECTS"); chosen != nullptr && *chosen != '\0') {
    return (fs::path(chosen) / name).string();
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path prefix = program.parent_path();
  for (int level = 0; level < kLevelsMax && prefix.has_relative_path(); ++level) {
    prefix = prefix.parent_path();
    const fs::path folder = prefix / "share/drover/objects" / name;
    if (fs::is_directory(folder, error)) return folder.string();
  }
  return (fs::path(DROVER_OBJECTS_INSTALLED_DIR) / name).string();
}

}  // namespace drover::io
