// SPDX-License-Identifier: Apache-2.0
#include "jobs/tags.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace drover::jobs {

namespace {

using store::Refusal;
using Why = Refusal::Why;

bool may_be_in_tag(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) return true;
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || std::string_view("-_.:/+=").find(c) != std::string_view::npos;
}

tl::unexpected<Refusal> refused(Why why, const char* field, std::string reason) {
  return tl::unexpected(Refusal{why, field, std::move(reason)});
}

std::optional<Refusal> check_endpoint(const std::string& endpoint) {
  if (endpoint.empty()) return Refusal{Why::Invalid, "endpoint", "an endpoint name is needed"};
  return store::check_text(endpoint, "endpoint", kEndpointMax);
}

bool write(sqlite::Database& database, const std::string& endpoint, const TagSet& before, const TagSet& after) {
  sqlite::Statement gone = database.prepare("DELETE FROM device_tag WHERE endpoint = ? AND tag = ?");
  for (const std::string& tag : before) {
    if (after.contains(tag)) continue;
    if (!gone.bind(std::string_view(endpoint)).bind(std::string_view(tag)).run()) return false;
  }
  sqlite::Statement put = database.prepare("INSERT INTO device_tag(endpoint, tag) VALUES(?, ?)");
  for (const std::string& tag : after) {
    if (before.contains(tag)) continue;
    if (!put.bind(std::string_view(endpoint)).bind(std::string_view(tag)).run()) return false;
  }
  return true;
}

}  // namespace

std::optional<Refusal> check_tag(std::string_view tag) {
  const bool fine = !tag.empty() && tag.size() <= kTagMax && is_utf8(tag) &&
                    std::all_of(tag.begin(), tag.end(), may_be_in_tag);
  if (fine) return std::nullopt;
  return Refusal{Why::Invalid, "tags",
                 "a tag is 1 to " + std::to_string(kTagMax) + " bytes of letters, digits and - _ . : / + ="};
}

Result<std::unique_ptr<Tags>> Tags::open(std::shared_ptr<store::StoreFile> file) {
  std::unique_ptr<Tags> tags(new Tags(file));
  store::StoreFile::Turn database = file->turn();
  sqlite::Statement rows = database->prepare("SELECT endpoint, tag FROM device_tag ORDER BY endpoint, tag");
  while (rows.row()) {
    std::string endpoint = rows.text(0);
    std::string tag = rows.text(1);
    if (check_endpoint(endpoint) || check_tag(tag)) return file->failure("damaged (a tag of a device)");
    tags->with_[tag].insert(endpoint);
    tags->of_[std::move(endpoint)].insert(std::move(tag));
  }
  if (!rows.ok()) return file->failure("can't be read: " + database->reason());
  return tags;
}

TagSet Tags::of(std::string_view endpoint) const {
  const std::shared_lock lock(reading_);
  const auto found = of_.find(std::string(endpoint));
  return found == of_.end() ? TagSet{} : found->second;
}

bool Tags::has_all(std::string_view endpoint, const std::vector<std::string>& tags) const {
  const std::shared_lock lock(reading_);
  const auto found = of_.find(std::string(endpoint));
  return std::ranges::all_of(tags, [&](const std::string& tag) {
    return found != of_.end() && found->second.contains(tag);
  });
}

std::vector<std::string> Tags::endpoints(const std::vector<std::string>& tags, std::string_view after,
                                         std::size_t count) const {
  const std::shared_lock lock(reading_);
  // The rarest one leads.
  const std::set<std::string, std::less<>>* fewest = nullptr;
  for (const std::string& tag : tags) {
    const auto found = with_.find(tag);
    if (found == with_.end()) return {};
    if (fewest == nullptr || found->second.size() < fewest->size()) fewest = &found->second;
  }
  std::vector<std::string> all;
  if (fewest == nullptr) return all;
  for (auto at = fewest->upper_bound(after); at != fewest->end() && all.size() < count; ++at) {
    const TagSet& has = of_.find(*at)->second;
    if (std::ranges::all_of(tags, [&](const std::string& tag) { return has.contains(tag); })) all.push_back(*at);
  }
  return all;
}

std::vector<Tags::Count> Tags::counts() const {
  const std::shared_lock lock(reading_);
  std::vector<Count> all;
  all.reserve(with_.size());
  for (const auto& [tag, endpoints] : with_) all.push_back({tag, endpoints.size()});
  return all;
}

std::optional<Refusal> Tags::check_room(const TagSet& before, const TagSet& after) const {
  if (after.size() > kTagsOfDeviceMax) {
    return Refusal{Why::Full, "tags", "a device has at most " + std::to_string(kTagsOfDeviceMax) + " tags"};
  }
  if (before.empty() && !after.empty() && of_.size() >= kTaggedMax) {
    return Refusal{Why::Full, "", "at most " + std::to_string(kTaggedMax) + " devices have tags"};
  }
  std::size_t kinds = with_.size();
  for (const std::string& tag : after) kinds += with_.contains(tag) ? 0U : 1U;
  if (kinds > kTagKindsMax && kinds > with_.size()) {
    return Refusal{Why::Full, "", "there are at most " + std::to_string(kTagKindsMax) + " different tags"};
  }
  return std::nullopt;
}

void Tags::apply(const std::string& endpoint, const TagSet& before, const TagSet& after) {
  for (const std::string& tag : before) {
    if (after.contains(tag)) continue;
    const auto with = with_.find(tag);
    with->second.erase(endpoint);
    if (with->second.empty()) with_.erase(with);
  }
  for (const std::string& tag : after) with_[tag].insert(endpoint);
  if (after.empty()) {
    of_.erase(endpoint);
  } else {
    of_[endpoint] = after;
  }
}

store::Answer<TagSet> Tags::change(const std::string& endpoint, const TagSet& tags, Change how) {
  if (auto wrong = check_endpoint(endpoint)) return tl::unexpected(std::move(*wrong));
  for (const std::string& tag : tags) {
    if (auto wrong = check_tag(tag)) return tl::unexpected(std::move(*wrong));
  }
  const std::lock_guard one_at_a_time(changing_);
  const TagSet before = of(endpoint);
  TagSet after = how == Change::Replace ? TagSet{} : before;
  for (const std::string& tag : tags) {
    if (how == Change::Remove) {
      after.erase(tag);
    } else {
      after.insert(tag);
    }
  }
  if (after == before) return after;
  if (auto full = check_room(before, after)) return tl::unexpected(std::move(*full));
  {
    store::StoreFile::Turn database = file_->turn();
    if (!database->run("BEGIN IMMEDIATE") || !write(*database, endpoint, before, after) || !database->run("COMMIT")) {
      const auto error = file_->failure("can't be written: " + database->reason());
      database->roll_back();
      return refused(Why::Disk, "", error.value().reason);
    }
  }
  const std::unique_lock lock(reading_);
  apply(endpoint, before, after);
  return after;
}

}  // namespace drover::jobs
