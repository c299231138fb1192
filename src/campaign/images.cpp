// SPDX-License-Identifier: Apache-2.0
#include "campaign/images.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "io/file_descriptor.hpp"
#include "io/mapped_file.hpp"
#include "store/store_file.hpp"

namespace drover::campaign {

namespace fs = std::filesystem;
using Why = Refusal::Why;

namespace {

constexpr std::size_t kSha256Size = 32;
constexpr std::size_t kPathBytes = 16;  ///< of randomness: nobody guesses 128 bits
constexpr std::size_t kEtagSize = 8;    ///< RFC 7252 §5.10.6 has no room for more
constexpr const char* kTemporary = "upload-";

tl::unexpected<Refusal> refused(Why why, std::string reason) {
  return tl::unexpected(Refusal{why, std::move(reason)});
}

std::string failure(const std::string& file, const char* what) {
  return file + ": " + what + ": " + std::strerror(errno);
}

/// An image's content, as long as somebody uses it, also when its name is gone.
class ImageFile final : public server::File {
 public:
  static std::shared_ptr<const ImageFile> open(const std::string& name, const Bytes& sha256) {
    auto content = io::MappedFile::open(name);
    return content ? std::make_shared<ImageFile>(std::move(content), sha256) : nullptr;
  }
  ImageFile(std::shared_ptr<const io::MappedFile> content, const Bytes& sha256)
      : content_(std::move(content)), etag_(sha256.begin(), sha256.begin() + kEtagSize) {}
  [[nodiscard]] ByteView bytes() const override { return content_->bytes(); }
  [[nodiscard]] ByteView etag() const override { return etag_; }

 private:
  std::shared_ptr<const io::MappedFile> content_;
  Bytes etag_;
};

Bytes sha256_of(ByteView bytes) {
  Bytes digest(kSha256Size);
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return digest;
}

bool insert(sqlite::Database& database, const Image& image) {
  sqlite::Statement put = database.prepare(
      "INSERT INTO firmware_image(name, version, sha256, size, path, uploaded_at, uploaded_by) VALUES(?, ?, ?, ?, ?, ?, ?)");
  return put.bind(std::string_view(image.name))
      .bind(std::string_view(image.version))
      .bind(ByteView(image.sha256))
      .bind(static_cast<std::int64_t>(image.size))
      .bind(std::string_view(image.path))
      .bind(image.uploaded_at)
      .bind(std::string_view(image.uploaded_by))
      .run();
}

}  // namespace

bool is_image_name(std::string_view name) {
  constexpr std::string_view kOthers = "._-+";
  return !name.empty() && name.size() <= kImageNameMax && name.front() != '.' &&
         std::ranges::all_of(name, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

// ---- an upload ------------------------------------------------------------------------------------------------------

struct Upload::Digest {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Digest() { EVP_DigestInit_ex(context, EVP_sha256(), nullptr); }
  ~Digest() { EVP_MD_CTX_free(context); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  [[nodiscard]] Bytes finish() const {
    Bytes digest(kSha256Size);
    unsigned size = 0;
    EVP_DigestFinal_ex(context, digest.data(), &size);
    return digest;
  }
};

Upload::Upload(Images& images) : images_(images), digest_(std::make_unique<Digest>()) {}

Upload::~Upload() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(file_.c_str());
  }
  const std::lock_guard lock(images_.mutex_);
  --images_.uploads_;
  images_.total_ -= size_;
}

Answer<void> Upload::append(ByteView bytes) {
  if (fd_ < 0) return refused(Why::Unavailable, "the upload is over");
  {
    const std::lock_guard lock(images_.mutex_);
    const ImageLimits& limits = images_.limits_;
    if (size_ + bytes.size() > limits.image_max) {
      return refused(Why::Full, "an image has at most " + std::to_string(limits.image_max) + " bytes");
    }
    if (images_.total_ + bytes.size() > limits.total_max) {
      return refused(Why::Full, "all images have at most " + std::to_string(limits.total_max) + " bytes; remove one");
    }
    images_.total_ += bytes.size();
    size_ += bytes.size();
  }
  EVP_DigestUpdate(digest_->context, bytes.data(), bytes.size());
  if (!io::write_all(fd_, bytes)) return refused(Why::Unavailable, failure(file_, "can't be written"));
  return {};
}

// ---- the images -----------------------------------------------------------------------------------------------------

Images::Images(std::shared_ptr<store::StoreFile> store, std::string folder, ImageLimits limits)
    : store_(std::move(store)), folder_(std::move(folder)), limits_(limits) {}
Images::~Images() = default;

Result<std::unique_ptr<Images>> Images::open(std::shared_ptr<store::StoreFile> store, std::string folder,
                                             ImageLimits limits) {
  std::unique_ptr<Images> images(new Images(std::move(store), std::move(folder), limits));
  if (::mkdir(images->folder_.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return tl::unexpected(Error{Fault::Environment, 0, failure(images->folder_, "can't be made")});
  }
  if (auto loaded = images->load(); !loaded) return tl::unexpected(loaded.error());
  if (auto swept = images->sweep(); !swept) return tl::unexpected(swept.error());
  return images;
}

Result<void> Images::load() {
  store::StoreFile::Turn database = store_->turn();
  sqlite::Statement rows = database->prepare(
      "SELECT name, version, sha256, size, path, uploaded_at, uploaded_by FROM firmware_image ORDER BY name");
  while (rows.row()) {
    Image image{rows.text(0), rows.text(1), rows.bytes(2), static_cast<std::uint64_t>(rows.number(3)),
                rows.text(4), rows.number(5), rows.text(6)};
    if (!is_image_name(image.name) || image.sha256.size() != kSha256Size) {
      return store_->failure("damaged (image " + image.name + ")");
    }
    const std::string name = file_of(image.sha256);
    auto file = ImageFile::open(name, image.sha256);
    const bool whole = file && file->bytes().size() == image.size && sha256_of(file->bytes()) == image.sha256;
    if (!whole) {
      return tl::unexpected(Error{Fault::Environment, 0,
                                  name + ": the content of image \"" + image.name + "\" is " +
                                      (file ? "damaged" : "missing") + "; put a copy in its place"});
    }
    total_ += image.size;
    by_path_.emplace(image.path, image.name);
    entries_.emplace(image.name, Entry{image, std::move(file), 0});
  }
  if (!rows.ok()) return store_->failure("can't be read: " + database->reason());
  return {};
}

/// Removes what an upload or a removal that was cut off has left.
Result<void> Images::sweep() const {
  std::error_code wrong;
  std::vector<fs::path> orphans;
  for (const auto& entry : fs::directory_iterator(folder_, wrong)) {
    const std::string name = entry.path().filename().string();
    const auto sha256 = from_hex(name);
    const bool ours = name.starts_with(kTemporary) || (sha256 && sha256->size() == kSha256Size);
    if (ours && !(sha256 && is_needed(*sha256))) orphans.push_back(entry.path());
  }
  if (wrong) return tl::unexpected(Error{Fault::Environment, 0, folder_ + ": can't be read: " + wrong.message()});
  for (const fs::path& orphan : orphans) fs::remove(orphan, wrong);
  return {};
}

std::string Images::file_of(const Bytes& sha256) const {
  return folder_ + "/" + to_hex(sha256);
}

bool Images::is_needed(const Bytes& sha256) const {
  return std::ranges::any_of(entries_, [&](const auto& entry) { return entry.second.image.sha256 == sha256; });
}

Answer<std::shared_ptr<Upload>> Images::begin() {
  std::shared_ptr<Upload> upload;
  {
    const std::lock_guard lock(mutex_);
    if (uploads_ >= limits_.uploads_max) return refused(Why::Busy, "too many uploads are under way");
    if (entries_.size() >= limits_.images_max) return refused(Why::Full, "there are too many images; remove one");
    upload.reset(new Upload(*this));
    ++uploads_;
    upload->file_ = folder_ + "/" + kTemporary + std::to_string(next_upload_++);
  }
  upload->fd_ = ::open(upload->file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (upload->fd_ < 0) return refused(Why::Unavailable, failure(upload->file_, "can't be made"));
  return upload;
}

Answer<Image> Images::finish(Upload& upload, Image image) {
  if (upload.fd_ < 0) return refused(Why::Unavailable, "the upload is over");
  if (upload.size_ == 0) return refused(Why::Invalid, "an image has at least one byte");
  image.sha256 = upload.digest_->finish();
  image.size = upload.size_;
  if (::fsync(upload.fd_) != 0) return refused(Why::Unavailable, failure(upload.file_, "can't be written"));
  Bytes secret(kPathBytes);
  if (RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1) return refused(Why::Unavailable, "no randomness");
  image.path = "fw/" + to_hex(secret);
  auto put_it = put(upload.file_, std::move(image));
  ::close(std::exchange(upload.fd_, -1));
  if (!put_it) ::unlink(upload.file_.c_str());
  return put_it;
}

Answer<Image> Images::put(const std::string& temporary, Image image) {
  const std::lock_guard one_writer(disk_mutex_);
  if (const auto there = find(image.name)) {
    if (there->sha256 != image.sha256 || there->version != image.version) {
      return refused(Why::Conflict, "there is another image of that name; remove it first, or take another name");
    }
    ::unlink(temporary.c_str());
    return *there;
  }
  const std::string name = file_of(image.sha256);
  if (::rename(temporary.c_str(), name.c_str()) != 0 || !io::sync_folder(folder_)) {
    return refused(Why::Unavailable, failure(name, "can't be written"));
  }
  auto file = ImageFile::open(name, image.sha256);
  if (!file) return refused(Why::Unavailable, failure(name, "can't be read"));
  {
    store::StoreFile::Turn database = store_->turn();
    if (!database->run("BEGIN IMMEDIATE") || !insert(*database, image) || !database->run("COMMIT")) {
      const std::string why = database->reason();
      database->roll_back();
      const std::lock_guard lock(mutex_);
      if (!is_needed(image.sha256)) ::unlink(name.c_str());
      return refused(Why::Unavailable, "store " + store_->name() + ": can't be written: " + why);
    }
  }
  const std::lock_guard lock(mutex_);
  total_ += image.size;
  by_path_.emplace(image.path, image.name);
  entries_.emplace(image.name, Entry{image, std::move(file), 0});
  return image;
}

Answer<Image> Images::remove(const std::string& name) {
  const std::lock_guard one_writer(disk_mutex_);
  Entry gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return refused(Why::NotFound, "there is no image of that name");
    if (found->second.holders != 0) return refused(Why::Conflict, "a campaign that isn't over uses the image");
    // Out first: no campaign takes hold of it meanwhile.
    gone = std::move(found->second);
    by_path_.erase(gone.image.path);
    entries_.erase(found);
  }
  std::string why;
  {
    store::StoreFile::Turn database = store_->turn();
    sqlite::Statement row = database->prepare("DELETE FROM firmware_image WHERE name = ?");
    if (!row.bind(std::string_view(name)).run()) why = database->reason();
  }
  const std::lock_guard lock(mutex_);
  const Image image = gone.image;
  if (!why.empty()) {
    by_path_.emplace(image.path, name);
    entries_.emplace(name, std::move(gone));
    return refused(Why::Unavailable, "store " + store_->name() + ": can't be written: " + why);
  }
  total_ -= image.size;
  // Whoever still sends it has it mapped.
  if (!is_needed(image.sha256)) ::unlink(file_of(image.sha256).c_str());
  return image;
}

std::vector<Image> Images::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Image> images;
  for (const auto& [name, entry] : entries_) images.push_back(entry.image);
  return images;
}

std::optional<Image> Images::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.image);
}

std::shared_ptr<const server::File> Images::content(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.file;
}

std::shared_ptr<const server::File> Images::find_file(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  return entries_.at(found->second).file;
}

bool Images::hold(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  ++found->second.holders;
  return true;
}

void Images::release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.holders > 0) --found->second.holders;
}

}  // namespace drover::campaign
