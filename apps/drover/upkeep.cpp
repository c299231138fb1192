// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/upkeep.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"
#include "backup/manifest.hpp"
#include "io/file_descriptor.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kBackup = "/api/v1/backup";
constexpr const char* kObjects = "/api/v1/objects";
constexpr std::uint32_t kCopySeconds = 300;  ///< that the server takes for copying

/// What was to be on this machine's disk isn't.
int not_kept(const std::string& reason) {
  std::fprintf(stderr, "drover: %s\n", reason.c_str());
  return kOutput;
}

/// A refusal of a file's text says "body:LINE: ..."; who gave the file knows it by its name.
Reply with_name(Reply reply, const std::string& file) {
  constexpr std::string_view kBody = "body:";
  if (reply.is_success()) return reply;
  Json problem = Json::parse(reply.body, nullptr, false);
  const std::string detail = problem.is_object() ? problem.value("detail", "") : "";
  if (!detail.starts_with(kBody)) return reply;
  problem["detail"] = file + ":" + detail.substr(kBody.size());
  reply.body = problem.dump(-1, ' ', false, Json::error_handler_t::replace);
  return reply;
}

/// Nothing when the answer isn't one.
std::optional<backup::Manifest> manifest_of(const std::string& body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return std::nullopt;
  Json list = answer;
  list["format"] = 1;
  auto manifest = backup::parse_manifest(list.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!manifest) return std::nullopt;
  return std::move(*manifest);
}

/// Exit status, when it isn't there as it should be.
std::optional<int> fetch(Session& session, const std::string& folder, const std::string& name) {
  const std::string file = folder + "/" + name;
  const io::FileDescriptor to(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  bool written = static_cast<bool>(to);
  int why = errno;
  if (written) {
    const Reply reply = session.api.download(std::string(kBackup) + "/files/" + percent_encode(name), [&](std::string_view piece) {
      written = io::write_all(to.get(), as_bytes(piece));
      why = errno;
      return written;
    });
    if (written && !reply.is_success()) return fail(session, reply);
  }
  if (written && ::fsync(to.get()) != 0) {
    written = false;
    why = errno;
  }
  if (written) return std::nullopt;
  return not_kept(file + ": " + std::generic_category().message(why));
}

std::string definitions_text(const Json& answer) {
  std::string text;
  for (const Json& object : answer.value("objects", Json::array())) {
    text += "object " + std::to_string(object.value("id", 0)) + " " + text_or(object, "version", "") + ": " +
            text_or(object, "name", "") + "\n";
  }
  return text;
}

}  // namespace

int make_backup(Session& session, const std::string& folder, bool keep) {
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) {
    const int code = errno;
    const std::string reason = folder + ": " + std::generic_category().message(code);
    return code == EEXIST ? usage_error(reason) : not_kept(reason);
  }
  const Reply made = session.api.call_slow("POST", kBackup, kCopySeconds);
  if (!made.is_success()) {
    ::rmdir(folder.c_str());
    return fail(session, made);
  }
  const auto manifest = manifest_of(made.body);
  if (!manifest) return fail(session, {made.status, ""});
  std::uint64_t bytes = 0;
  for (const backup::File& file : manifest->files) {
    if (const auto status = fetch(session, folder, file.name)) return *status;
    bytes += file.size;
  }
  if (const auto whole = backup::verify(folder, *manifest); !whole) return not_kept(whole.error().reason);
  if (const auto sealed = backup::seal(folder, *manifest); !sealed) return not_kept(sealed.error().reason);
  if (!keep) {
    if (const Reply gone = session.api.call("DELETE", kBackup); !gone.is_success()) return fail(session, gone);
  }
  return finish(session, made, [&](const Json&) {
    return "backup " + manifest->id + " in " + folder + ": " + std::to_string(manifest->files.size()) + " files, " +
           std::to_string(bytes) + " bytes. The key of the store isn't in it; keep a copy of that elsewhere.\n";
  });
}

int add_definitions(Session& session, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string ddf((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!stream || ddf.empty()) return usage_error(file + " can't be read, or is empty");
    const Reply reply = with_name(session.api.call("POST", kObjects, {}, ddf, "application/xml"), file);
    if (const int status = finish(session, reply, definitions_text); status != kOk) return status;
  }
  return kOk;
}

int remove_definition(Session& session, std::uint16_t object, const std::string& version) {
  const Query query = version.empty() ? Query{} : Query{{"version", version}};
  return finish(session, session.api.call("DELETE", std::string(kObjects) + "/" + std::to_string(object), query),
                [&](const Json&) { return "removed\n"; });
}

}  // namespace drover::cli
