// SPDX-License-Identifier: Apache-2.0
#include "client/attributes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "coap/message/code.hpp"

namespace drover::client {
namespace {

using lwm2m::Path;

constexpr std::string_view kCancel = "cancel";

tl::unexpected<Error> bad(std::string reason) {
  return peer_error(coap::code::kBadRequest.value, "attributes: " + std::move(reason));
}

std::string shortest(double number) {
  char text[32];
  const auto [end, error] = std::to_chars(std::begin(text), std::end(text), number);
  return {std::begin(text), end};
}

std::optional<double> parse_number(std::string_view text, bool whole) {
  if (whole) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

void assign(Attributes& attributes, const AttributeChange& change) {
  const auto seconds = [&]() -> std::optional<std::uint32_t> {
    if (!change.number) return std::nullopt;
    return static_cast<std::uint32_t>(*change.number);
  };
  if (change.name == "pmin") attributes.pmin = seconds();
  if (change.name == "pmax") attributes.pmax = seconds();
  if (change.name == "gt") attributes.gt = change.number;
  if (change.name == "lt") attributes.lt = change.number;
  if (change.name == "st") attributes.st = change.number;
}

/// The rules below Table 4 of Core §5.1.2.
Result<void> check(const Attributes& attributes) {
  if (attributes.pmin && attributes.pmax && *attributes.pmax < *attributes.pmin) {
    return bad("pmax is smaller than pmin");
  }
  if (attributes.gt && attributes.lt) {
    if (*attributes.lt >= *attributes.gt) return bad("lt isn't smaller than gt");
    if (attributes.st && *attributes.lt + 2 * *attributes.st >= *attributes.gt)
      return bad("lt + 2 st isn't smaller than gt");
  }
  return {};
}

}  // namespace

void Attributes::inherit(const Attributes& upper) {
  if (!pmin) pmin = upper.pmin;
  if (!pmax) pmax = upper.pmax;
  if (!gt) gt = upper.gt;
  if (!lt) lt = upper.lt;
  if (!st) st = upper.st;
}

void Attributes::append_to(std::vector<coap::LinkParameter>& parameters) const {
  if (pmin) parameters.push_back({"pmin", std::to_string(*pmin), false});
  if (pmax) parameters.push_back({"pmax", std::to_string(*pmax), false});
  if (gt) parameters.push_back({"gt", shortest(*gt), false});
  if (lt) parameters.push_back({"lt", shortest(*lt), false});
  if (st) parameters.push_back({"st", shortest(*st), false});
}

Result<std::vector<AttributeChange>> parse_attributes(const std::vector<std::string>& query) {
  std::vector<AttributeChange> changes;
  for (const std::string& item : query) {
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view value = std::string_view(item).substr(std::min(equals + 1, item.size()));
    AttributeChange change{item.substr(0, equals), std::nullopt};
    const bool whole = change.name == "pmin" || change.name == "pmax";
    const bool cancel = change.name == kCancel;
    if (!whole && !cancel && change.name != "gt" && change.name != "lt" && change.name != "st") {
      return bad("\"" + change.name + "\" is unknown or can't be written");
    }
    if (std::any_of(changes.begin(), changes.end(), [&](const auto& other) { return other.name == change.name; })) {
      return bad(change.name + " is given twice");
    }
    if (!value.empty()) {
      if (cancel) return bad("cancel takes no value");
      change.number = parse_number(value, whole);
      if (!change.number) return bad(change.name + " takes " + (whole ? "whole seconds" : "a number"));
      if (change.name == "st" && *change.number < 0) return bad("st is negative");
    }
    changes.push_back(std::move(change));
  }
  if (changes.empty()) return bad("none is given");
  return changes;
}

bool asks_to_cancel(const std::vector<std::string>& query) {
  return std::any_of(query.begin(), query.end(),
                     [](std::string_view item) { return item.substr(0, item.find('=')) == kCancel; });
}

Result<void> AttributeStore::apply(ServerId server, const Path& path, const std::vector<AttributeChange>& changes) {
  const Key key{server, path};
  Attributes after = assigned(server, path);
  for (const AttributeChange& change : changes) assign(after, change);
  if (auto fits = check(after); !fits) return fits;
  if (after.empty()) {
    entries_.erase(key);
    return {};
  }
  if (!entries_.contains(key) && entries_.size() >= kEntriesMax) {
    return tl::unexpected(Error{Fault::Us, coap::code::kInternalServerError.value, "attributes: the table is full"});
  }
  entries_[key] = after;
  return {};
}

Attributes AttributeStore::assigned(ServerId server, const Path& path) const {
  const auto entry = entries_.find({server, path});
  return entry == entries_.end() ? Attributes{} : entry->second;
}

Attributes AttributeStore::effective(ServerId server, const Path& path) const {
  Attributes result;
  for (int depth = path.depth(); depth > 0; --depth) result.inherit(assigned(server, path.prefix(depth)));
  return result;
}

void AttributeStore::erase_below(const Path& path) {
  std::erase_if(entries_, [&](const auto& entry) { return path.contains(entry.first.second); });
}

void AttributeStore::erase_server(ServerId server) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.first == server; });
}

std::vector<AttributeEntry> AttributeStore::entries() const {
  std::vector<AttributeEntry> all;
  all.reserve(entries_.size());
  for (const auto& [key, attributes] : entries_) all.push_back({key.first, key.second, attributes});
  return all;
}

void AttributeStore::restore(const AttributeEntry& entry) {
  const Key key{entry.server, entry.path};
  if (entries_.size() < kEntriesMax || entries_.contains(key)) entries_.insert_or_assign(key, entry.attributes);
}

}  // namespace drover::client
