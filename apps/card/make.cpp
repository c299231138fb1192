// SPDX-License-Identifier: Apache-2.0
#include "apps/card/make.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/card/hex.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/bootstrap_reader.hpp"

namespace drover::card {

namespace uicc = smartcard::uicc;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kMasterFile = "3F00";

tl::unexpected<Error> failed(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

std::string name_of(std::uint16_t id) {
  const Bytes octets = {static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
  return upper_hex(octets);
}

Bytes whole(const uicc::File& file) {
  Bytes content = file.content;
  content.resize(std::max(file.size, content.size()), 0xFF);
  return content;
}

/// The AT commands and their answers, as they pass a modem's line (3GPP TS 27.007 §8.17).
class Transcript final : public smartcard::Trace {
 public:
  void exchanged(ByteView command, ByteView response) override {
    text_ += "AT+CSIM=" + argument(command) + "\n+CSIM: " + argument(response) + "\nOK\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  static std::string argument(ByteView octets) {
    return std::to_string(octets.size() * 2) + ",\"" + upper_hex(octets) + "\"";
  }
  std::string text_;
};

Result<std::string> transcript_of(const uicc::CardImage& image, Rng& rng) {
  uicc::Uicc card(image, rng);
  uicc::MemoryTerminal terminal(&card);
  smartcard::ReaderSettings settings;
  settings.keys = image.keys;
  settings.pin = image.pin;
  Transcript transcript;
  smartcard::BootstrapReader reader(terminal, std::move(settings), rng, &transcript);
  const auto reading = reader.read();
  if (!reading) return failed("the card that was made can't be read: " + reading.error().reason);
  return transcript.text();
}

/// Asks a software card for the FCP of what `p1` and `data` select; without the secure channel and in one piece.
std::string fcp_of(const uicc::CardImage& image, Rng& rng, std::uint8_t p1, const Bytes& data) {
  constexpr std::uint8_t kReturnFcp = 0x04;
  uicc::CardImage plain = image;
  plain.t0 = false;
  uicc::Uicc card(std::move(plain), rng);
  const auto command = smartcard::encode(smartcard::Command{0x00, smartcard::ins::kSelect, p1, kReturnFcp, data,
                                                            std::uint16_t{smartcard::kExpectedMax}});
  const auto response = command ? smartcard::decode_response(card.transmit(*command)) : tl::unexpected(command.error());
  return response && response->status.is_success() ? upper_hex(response->data) : std::string();
}

class Index {
 public:
  Index(const uicc::CardImage& image, Rng& rng) : image_(image), rng_(rng) {}

  Json make() {
    Json json;
    json["protocol"] = image_.t0 ? "T=0" : "T=1";
    json["atr"] = upper_hex(uicc::Uicc(image_, rng_).atr());
    json["applications"] = Json::array();
    json["files"] = Json::array();
    for (const uicc::File& file : image_.files) add(file, {});
    for (const uicc::Folder& folder : image_.folders) add(folder);
    if (!image_.pin.empty()) json_pin(json);
    if (image_.keys) {
      json["secure_channel"] = {{"protocol", "SCP03"},
                                {"level", "33"},
                                {"key_version", image_.keys->version},
                                {"key_bits", image_.keys->enc.reveal().size() * 8}};
    }
    if (image_.sms) {
      json["sms_application"] = {{"aid", upper_hex(image_.sms->aid)},
                                 {"parameters", upper_hex(image_.sms->parameters.octets())},
                                 {"coap_tag", image_.sms->coap_tag},
                                 {"secure_channel_required", image_.sms->needs_secure_channel}};
    }
    json["applications"] = std::move(applications_);
    json["files"] = std::move(files_);
    return json;
  }

 private:
  void json_pin(Json& json) const {
    json["pin"] = {{"reference", image_.pin_reference}, {"tries", image_.pin_tries}};
  }

  void add(const uicc::Folder& folder) {
    constexpr std::uint8_t kByAid = 0x04;
    const std::string path = std::string(kMasterFile) + "/" + name_of(folder.id);
    if (!folder.aid.empty()) {
      applications_.push_back({{"aid", upper_hex(folder.aid)},
                               {"label", folder.label},
                               {"path", path},
                               {"fcp", fcp_of(image_, rng_, kByAid, folder.aid)}});
    }
    for (const uicc::File& file : folder.files) add(file, name_of(folder.id));
  }

  void add(const uicc::File& file, const std::string& folder) {
    constexpr std::uint8_t kFromMf = 0x08;
    const std::string below = (folder.empty() ? "" : folder + "/") + name_of(file.id);
    std::string digits = below;
    std::erase(digits, '/');
    Json entry = {{"file", std::string(kMasterFile) + "/" + below + ".bin"},
                  {"structure", file.record_size == 0 ? "transparent" : "linear fixed"},
                  {"size", whole(file).size()}};
    if (file.record_size != 0) {
      entry["record_size"] = file.record_size;
      entry["records"] = whole(file).size() / file.record_size;
    }
    entry["read"] = file.needs_pin ? "PIN" : "ALW";
    if (file.needs_secure_channel) entry["secure_channel_required"] = true;
    entry["fcp"] = fcp_of(image_, rng_, kFromMf, from_hex(digits).value_or(Bytes()));
    files_.push_back(std::move(entry));
  }

  const uicc::CardImage& image_;
  Rng& rng_;
  Json applications_ = Json::array(), files_ = Json::array();
};

Result<void> write_one(const std::filesystem::path& path, ByteView content, bool force) {
  constexpr mode_t kOwnerAlone = 0600;
  // Under another name first: what is there stays whole, and a link isn't followed.
  const std::string fresh = path.string() + ".new";
  unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerAlone);
  const auto fail = [&path] { return failed(path.string() + ": " + std::strerror(errno)); };
  if (fd < 0) return fail();
  bool written = true;
  for (std::size_t at = 0; written && at < content.size();) {
    const auto count = ::write(fd, content.data() + at, content.size() - at);
    written = count > 0;
    if (written) at += static_cast<std::size_t>(count);
  }
  written = fsync(fd) == 0 && written;
  const bool closed = ::close(fd) == 0;
  const bool placed = written && closed &&
                      (force ? rename(fresh.c_str(), path.c_str()) : link(fresh.c_str(), path.c_str())) == 0;
  const auto error = fail();
  unlink(fresh.c_str());
  if (!placed) return error;
  return {};
}

}  // namespace

Result<std::map<std::string, Bytes>> make_files(const uicc::CardImage& image, Rng& rng) {
  std::map<std::string, Bytes> files;
  const std::string top = std::string(kMasterFile) + "/";
  for (const uicc::File& file : image.files) files[top + name_of(file.id) + ".bin"] = whole(file);
  for (const uicc::Folder& folder : image.folders) {
    for (const uicc::File& file : folder.files) {
      files[top + name_of(folder.id) + "/" + name_of(file.id) + ".bin"] = whole(file);
    }
  }
  files["card.json"] = to_bytes(Index(image, rng).make().dump(2) + "\n");
  const auto transcript = transcript_of(image, rng);
  if (!transcript) return tl::unexpected(transcript.error());
  files["csim.txt"] = to_bytes(*transcript);
  return files;
}

Result<void> write_files(const std::map<std::string, Bytes>& files, const std::string& folder, bool force) {
  std::error_code error;
  for (const auto& [name, content] : files) {
    const auto path = std::filesystem::path(folder) / name;
    if (!force && std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
      return failed(path.string() + " is there already; --force overwrites");
    }
  }
  for (const auto& [name, content] : files) {
    const auto path = std::filesystem::path(folder) / name;
    const mode_t before = umask(077);
    std::filesystem::create_directories(path.parent_path(), error);
    umask(before);
    if (error) return failed(path.parent_path().string() + ": " + error.message());
    if (auto written = write_one(path, content, force); !written) return written;
  }
  return {};
}

}  // namespace drover::card
