// SPDX-License-Identifier: Apache-2.0
#include "backup_service.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.hpp"
#include "campaign/images.hpp"
#include "history/values.hpp"
#include "io/clock.hpp"
#include "io/file_descriptor.hpp"
#include "io/log.hpp"
#include "io/mapped_file.hpp"
#include "journal/journal.hpp"
#include "store/store_file.hpp"

namespace drover::droverd {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEtagSize = 8;

class BackupFile final : public server::File {
 public:
  BackupFile(std::shared_ptr<const io::MappedFile> content, const std::string& sha256)
      : content_(std::move(content)), etag_(from_hex(std::string_view(sha256).substr(0, 2 * kEtagSize)).value_or(Bytes{})) {}
  [[nodiscard]] ByteView bytes() const override { return content_->bytes(); }
  [[nodiscard]] ByteView etag() const override { return etag_; }

 private:
  std::shared_ptr<const io::MappedFile> content_;
  Bytes etag_;
};

tl::unexpected<Error> failed(const std::string& file, const std::error_code& error) {
  return tl::unexpected(Error{Fault::Environment, 0, file + ": " + error.message()});
}

/// Contents of images don't change, so a second name is a copy; on disks without second names it is made.
Result<void> copy_image(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, error);
  if (error) return failed(to, error);
  return {};
}

}  // namespace

BackupService::BackupService(const Sources& sources) : sources_(sources), folder_(sources.store.name() + ".backup") {
  std::error_code error;
  fs::remove_all(folder_ + ".new", error);
  if (!fs::exists(folder_, error)) return;
  auto found = backup::read(folder_);
  if (found) {
    newest_ = std::move(*found);
  } else {
    io::log::warn("the backup beside the store is none", {{"why", found.error().reason}});
  }
}

BackupService::~BackupService() {
  if (thread_.joinable()) thread_.join();
}

bool BackupService::begin(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (busy_) return false;
  busy_ = true;
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread(std::move(task));
  return true;
}

void BackupService::make(std::function<void(Result<backup::Manifest>)> done) {
  const bool begun = begin([this, done] {
    auto made = copy_all();
    {
      const std::lock_guard lock(mutex_);
      if (made) newest_ = *made;
      busy_ = false;
    }
    done(std::move(made));
  });
  if (!begun) done(tl::unexpected(Error{Fault::Us, 0, "a backup is being made or removed already"}));
}

/// The values before the fleet, whose events they follow: a copy of them that were ahead would never take what comes.
/// The store before it, too: so is the place of a sink, and a bulk operation finds what it asked for.
Result<backup::Manifest> BackupService::copy_all() const {
  const std::string folder = folder_ + ".new";
  std::error_code error;
  fs::remove_all(folder, error);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) return failed(folder, {errno, std::generic_category()});
  backup::Manifest manifest;
  manifest.made_at = io::unix_now();
  manifest.version = sources_.version;
  std::vector<std::string> names{"store"};
  if (auto done = sources_.store.copy_to(folder + "/store"); !done) return tl::unexpected(done.error());
  if (sources_.images != nullptr) {
    std::set<std::string> digests;
    for (const campaign::Image& image : sources_.images->all()) digests.insert(to_hex(image.sha256));
    for (const std::string& digest : digests) {
      names.push_back("image-" + digest);
      const auto done = copy_image(sources_.store.name() + ".images/" + digest, folder + "/" + names.back());
      if (!done) return tl::unexpected(done.error());
    }
  }
  if (sources_.values != nullptr) {
    names.emplace_back("values");
    if (auto done = sources_.values->copy_to(folder + "/values"); !done) return tl::unexpected(done.error());
  }
  names.emplace_back("fleet");
  if (auto done = sources_.fleet.copy_to(folder + "/fleet"); !done) return tl::unexpected(done.error());
  for (const std::string& name : names) {
    auto file = backup::describe(folder, name);
    if (!file) return tl::unexpected(file.error());
    manifest.files.push_back(std::move(*file));
  }
  manifest.id = manifest.files.front().sha256.substr(0, 8) + manifest.files.back().sha256.substr(0, 8);
  if (auto done = backup::seal(folder, manifest); !done) return tl::unexpected(done.error());
  fs::remove_all(folder_, error);
  fs::rename(folder, folder_, error);
  if (error) return failed(folder_, error);
  const std::string parent = fs::absolute(folder_).parent_path().string();
  if (!io::sync_folder(parent)) return failed(parent, {errno, std::generic_category()});
  return manifest;
}

std::optional<backup::Manifest> BackupService::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::shared_ptr<const server::File> BackupService::open(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (!newest_) return nullptr;
  for (const backup::File& file : newest_->files) {
    if (file.name != name) continue;
    auto content = io::MappedFile::open(folder_ + "/" + name);
    // A file that is shorter than its mapping would end the process that reads it.
    if (!content || content->bytes().size() != file.size) return nullptr;
    return std::make_shared<BackupFile>(std::move(content), file.sha256);
  }
  return nullptr;
}

void BackupService::remove(std::function<void(Result<std::optional<backup::Manifest>>)> done) {
  const bool begun = begin([this, done] {
    std::error_code error;
    fs::remove_all(folder_, error);
    std::optional<backup::Manifest> gone;
    {
      const std::lock_guard lock(mutex_);
      gone = std::exchange(newest_, std::nullopt);
      busy_ = false;
    }
    if (error) return done(failed(folder_, error));
    done(std::move(gone));
  });
  if (!begun) done(tl::unexpected(Error{Fault::Us, 0, "a backup is being made or removed already"}));
}

}  // namespace drover::droverd
