// SPDX-License-Identifier: Apache-2.0
#include "store/master_key.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "io/file_descriptor.hpp"


namespace drover::store {

namespace {

constexpr std::size_t kDigits = 2 * Sealer::kKeySize;
constexpr std::size_t kFileMax = 4096;  // more is no key

tl::unexpected<Error> wrong(Fault fault, const std::string& reason) {
  return tl::unexpected(Error{fault, 0, reason});
}

std::string system_error() {
  return std::generic_category().message(errno);
}

}  // namespace

Result<Sealer> parse_master_key(const std::string& text, const std::string& where) {
  std::string_view digits = text;
  while (digits.ends_with('\n') || digits.ends_with('\r')) digits.remove_suffix(1);
  auto key = digits.size() == kDigits ? from_hex(digits) : std::nullopt;
  if (!key) {
    return wrong(Fault::Us, where + " must hold a key of " + std::to_string(kDigits) +
                                " hexadecimal digits (openssl rand -hex 32 makes one)");
  }
  return Sealer(Secret<Bytes>(std::move(*key)));
}

Result<Sealer> read_master_key(const std::string& file) {
  const io::FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (opened.get() < 0) return wrong(Fault::Environment, "key file " + file + ": " + system_error());
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return wrong(Fault::Environment, "key file " + file + ": " + system_error());
  if (!S_ISREG(status.st_mode)) return wrong(Fault::Us, "key file " + file + ": is no file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return wrong(Fault::Us, "key file " + file + " can be used by others than its owner: chmod 600 " + file);
  }
  std::string text(kFileMax, '\0');
  const ssize_t count = ::read(opened.get(), text.data(), text.size());
  if (count < 0) return wrong(Fault::Environment, "key file " + file + ": " + system_error());
  text.resize(static_cast<std::size_t>(count));
  auto key = parse_master_key(text, "key file " + file);
  OPENSSL_cleanse(text.data(), text.size());
  return key;
}

Result<Sealer> make_master_key(const std::string& file) {
  auto key = random_secret(Sealer::kKeySize);
  if (!key) return tl::unexpected(key.error());
  std::string text = to_hex(key->reveal()) + "\n";
  const io::FileDescriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made.get() < 0) return wrong(Fault::Environment, "key file " + file + " can't be made: " + system_error());
  const bool written = io::write_all(made.get(), as_bytes(text)) && ::fsync(made.get()) == 0;
  OPENSSL_cleanse(text.data(), text.size());
  if (!written) {
    const std::string why = system_error();
    ::unlink(file.c_str());
    return wrong(Fault::Environment, "key file " + file + " can't be written: " + why);
  }
  io::sync_folder(std::filesystem::absolute(file).parent_path().string());
  return Sealer(std::move(*key));
}

Result<MasterKey> find_master_key(const std::string& store, const std::string& key_file, const std::string& variable,
                                  bool is_sealed) {
  if (!key_file.empty() && !variable.empty()) {
    return wrong(Fault::Us, "there are two keys for the store: key_file and the environment variable " +
                                std::string(kMasterKeyVariable) + "; leave one of them out");
  }
  const auto found = [](Result<Sealer> sealer, std::string where, bool is_new) -> Result<MasterKey> {
    if (!sealer) return tl::unexpected(std::move(sealer.error()));
    return MasterKey{std::move(*sealer), std::move(where), is_new};
  };
  if (!variable.empty()) {
    const std::string where = "environment variable " + std::string(kMasterKeyVariable);
    return found(parse_master_key(variable, where), where, false);
  }
  if (!key_file.empty()) return found(read_master_key(key_file), key_file, false);
  const std::string beside = store + ".key";
  std::error_code error;
  if (std::filesystem::exists(beside, error)) return found(read_master_key(beside), beside, false);
  if (is_sealed) {
    return wrong(Fault::Us, "the key of store " + store + " is missing: neither " + beside +
                                ", nor key_file, nor the environment variable " + std::string(kMasterKeyVariable));
  }
  return found(make_master_key(beside), beside, true);
}

}  // namespace drover::store
