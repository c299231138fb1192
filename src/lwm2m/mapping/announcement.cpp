// SPDX-License-Identifier: Apache-2.0
// The links of a Register or Update (Core §5.3.1, Transport "Alternate Path").
#include <algorithm>
#include <charconv>
#include <system_error>

#include "coap/message/link_format.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "lwm2m/mapping/paths.hpp"

namespace drover::lwm2m::mapping {

namespace {

constexpr std::string_view kResourceType = "oma.lwm2m";
constexpr ObjectId kSecurityObject = 0;
// The registry of content formats has about ten that LwM2M uses; more is no announcement.
constexpr std::size_t kFormatsMax = 64;

/// Calls `use` for each part of a list separated by blanks (RFC 6690 §3.1, RFC 7252 §7.2.1).
template <class Use>
void for_each_word(std::string_view list, Use use) {
  while (!list.empty()) {
    const std::size_t blank = list.find(' ');
    if (blank != 0) use(list.substr(0, blank));
    if (blank == std::string_view::npos) return;
    list.remove_prefix(blank + 1);
  }
}

bool has_resource_type(const coap::Link& link) {
  bool found = false;
  if (const auto types = link.parameter("rt")) {
    for_each_word(*types, [&](std::string_view type) { found = found || type == kResourceType; });
  }
  return found;
}

/// A hint only: what isn't a number is passed over.
std::vector<FormatNumber> read_formats(const coap::Link& link) {
  std::vector<FormatNumber> formats;
  if (const auto list = link.parameter("ct")) {
    for_each_word(*list, [&](std::string_view word) {
      FormatNumber number = 0;
      const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      const bool whole = error == std::errc{} && rest == word.data() + word.size();
      if (whole && formats.size() < kFormatsMax) formats.push_back(number);
    });
  }
  return formats;
}

/// The root link's target without a trailing '/'. It must be a path of named segments: "MUST NOT contain numerical URI
/// segment", and what a Uri-Path option can't say (RFC 7252 §5.10.1, §6.4) couldn't be asked for.
Result<std::string> read_root(std::string target) {
  if (!target.empty() && target.back() == '/') target.pop_back();
  const auto refuse = [&] {
    return peer_error(coap::code::kBadRequest.value, "the oma.lwm2m link isn't a usable path");
  };
  if (target.size() > kTextBytesMax || target.find_first_of("?#") != std::string::npos) return refuse();
  std::string_view rest = target;
  while (!rest.empty()) {
    if (rest.front() != '/') return refuse();
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    const bool numeric = segment.find_first_not_of("0123456789") == std::string_view::npos;
    if (numeric || segment == "." || segment == "..") return refuse();
  }
  return target;
}

/// Target of a link as it is compared: Transport prints "</lwm2m /1/0>" with a blank that no URI can have.
std::string target_of(const coap::Link& link) {
  std::string target = link.target;
  target.erase(std::remove(target.begin(), target.end(), ' '), target.end());
  return target;
}

struct Entry {
  ObjectId object = 0;
  std::optional<InstanceId> instance;
  std::optional<Version> version;
};

/// An object or object instance below `root`; nothing for every other link, which §5.3.1 has us ignore in silence.
/// So is the Security Object, which MUST NOT be listed, and so are reserved ids.
std::optional<Entry> read_entry(const coap::Link& link, std::string_view root) {
  const bool blank = link.target.find(' ') != std::string::npos;
  const std::string cleaned = blank ? target_of(link) : std::string();
  std::string_view rest = blank ? cleaned : link.target;
  if (rest.substr(0, root.size()) != root) return std::nullopt;
  rest.remove_prefix(root.size());
  if (rest.size() > 1 && rest.back() == '/') rest.remove_suffix(1);  // the specification prints "</1/0/>", too
  if (rest.empty() || rest.front() != '/') return std::nullopt;
  const auto path = Path::parse(rest);
  if (!path || path->depth() < 1 || path->depth() > 2) return std::nullopt;
  if (path->object() == kSecurityObject || path->object() == kReservedId) return std::nullopt;
  Entry entry;
  entry.object = path->object();
  if (path->is_instance()) {
    if (path->instance() == kReservedId) return std::nullopt;
    entry.instance = path->instance();
  }
  if (const auto version = link.parameter("ver")) entry.version = Version::parse(*version);
  return entry;
}

std::vector<AnnouncedObject> merge(std::vector<Entry> entries) {
  const auto before = [](const Entry& a, const Entry& b) {
    return a.object != b.object ? a.object < b.object : a.instance < b.instance;
  };
  if (!std::is_sorted(entries.begin(), entries.end(), before)) {
    std::stable_sort(entries.begin(), entries.end(), before);
  }
  std::vector<AnnouncedObject> objects;
  for (const Entry& entry : entries) {
    if (objects.empty() || objects.back().id != entry.object) objects.push_back({entry.object, {}, {}});
    AnnouncedObject& object = objects.back();
    if (!object.version) object.version = entry.version;
    const bool fresh = entry.instance && (object.instances.empty() || object.instances.back() != *entry.instance);
    if (fresh) object.instances.push_back(*entry.instance);
  }
  return objects;
}

}  // namespace

Result<Announcement> parse_announcement(std::string_view text) {
  const auto links = coap::parse_link_format(text);
  if (!links) return tl::unexpected(links.error());
  Announcement announcement;
  // The root link has the resource type; Core §5.3.1 shows one without it: `</>;ct=11543`.
  auto root = std::find_if(links->begin(), links->end(), has_resource_type);
  if (root != links->end()) {
    auto path = read_root(target_of(*root));
    if (!path) return tl::unexpected(path.error());
    announcement.root = std::move(*path);
  } else {
    root = std::find_if(links->begin(), links->end(), [](const coap::Link& link) { return link.target == "/"; });
  }
  if (root != links->end()) announcement.formats = read_formats(*root);

  std::vector<Entry> entries;
  entries.reserve(links->size());
  for (const coap::Link& link : *links) {
    if (const auto entry = read_entry(link, announcement.root)) entries.push_back(*entry);
  }
  announcement.objects = merge(std::move(entries));
  return announcement;
}

std::string format_announcement(const Announcement& announcement) {
  std::string text;
  const auto open_link = [&](const Path& path) {
    if (!text.empty()) text += ',';
    text += '<' + announcement.root + path.to_string() + '>';
  };
  if (!announcement.root.empty() || !announcement.formats.empty()) {
    text = '<' + (announcement.root.empty() ? "/" : announcement.root) + ">;rt=\"" + std::string(kResourceType) + '"';
  }
  std::string formats;
  for (const FormatNumber format : announcement.formats) {
    if (!formats.empty()) formats += ' ';
    formats += std::to_string(format);
  }
  if (announcement.formats.size() == 1) text += ";ct=" + formats;
  if (announcement.formats.size() > 1) text += ";ct=\"" + formats + '"';

  for (const AnnouncedObject& object : announcement.objects) {
    if (object.instances.empty() || object.version) open_link(Path(object.id));
    if (object.version) text += ";ver=\"" + object.version->to_string() + '"';  // quoted as Core §6.2.3 prints it
    for (const InstanceId instance : object.instances) open_link(Path(object.id, instance));
  }
  return text;
}

}  // namespace drover::lwm2m::mapping
