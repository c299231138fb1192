// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/json_fields.hpp"

#include <nlohmann/json.hpp>
#include <vector>

namespace drover::bootstrap {
namespace {

using nlohmann::json;

constexpr std::size_t kDepthMax = 16;

/// Builds the document; stops at what is wrong with it.
class Builder final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) {
      reason = "the member \"" + name + "\" is doubled";
      return false;
    }
    key_ = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    reason = "no JSON: a mistake at byte " + std::to_string(position);
    return false;
  }

  json root;
  std::string reason;

 private:
  json* place(json value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool put(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json value) {
    if (open_.size() == kDepthMax) {
      reason = "nested too deeply";
      return false;
    }
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  // What is open is the last of its parent: nothing is put in before it any more, so it doesn't move.
  std::vector<json*> open_;
  std::string key_;
};

}  // namespace

Result<json> read_json(std::string_view text) {
  Builder builder;
  if (json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root);
  return peer_error(0, builder.reason.empty() ? "no JSON" : builder.reason);
}

Fields::Fields(Problems& problems, const json& value, std::string place)
    : problems_(problems), value_(value), place_(std::move(place)) {
  if (!value_.is_object()) problems_.add(place_, "must be an object");
}

Fields::~Fields() {
  if (!value_.is_object() || problems_.any()) return;
  for (const auto& item : value_.items()) {
    if (!known_.contains(item.key())) problems_.add(at(item.key().c_str()), "unknown");
  }
}

bool Fields::has(const char* name) const {
  return value_.is_object() && value_.contains(name);
}

const json* Fields::take(const char* name) {
  known_.insert(name);
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(name);
  return found == value_.end() ? nullptr : &*found;
}

std::optional<std::string> Fields::text(const char* name) {
  const json* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    bad(name, "must be a text");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::optional<bool> Fields::flag(const char* name) {
  const json* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    bad(name, "must be true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> Fields::number(const char* name, std::int64_t least, std::int64_t most) {
  const json* value = take(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) &&
                    value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most;
  if (!fits) {
    bad(name, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<Bytes> Fields::hex(const char* name) {
  const auto digits = text(name);
  if (!digits) return std::nullopt;
  auto bytes = from_hex(*digits);
  if (!bytes || bytes->empty()) {
    bad(name, "must be hexadecimal digits, two for each byte");
    return std::nullopt;
  }
  return bytes;
}

}  // namespace drover::bootstrap
