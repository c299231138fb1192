// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/content/json_document.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lwm2m/content/codecs.hpp"

namespace drover::lwm2m::content {
namespace {

/// Arrays and objects within each other. Three are ours; what lies deeper belongs to members that nobody knows.
constexpr std::size_t kDepthMax = 16;

enum class Member : std::uint8_t { Unknown, BaseName, BaseTime, Entries, Name, Time, Number, Boolean, String, Link };

/// Takes nlohmann's events. No tree is built, so that memory is bounded by the payload.
class Handler {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  JsonDocument document;
  bool has_entries = false;
  std::uint8_t code = kBadRequest;
  std::string reason;

  bool null() { return skipped() || wrong_type(); }

  bool boolean(bool value) {
    if (skipped()) return true;
    return member_ == Member::Boolean ? set_content(value) : wrong_type();
  }

  bool number_integer(number_integer_t value) {
    if (skipped()) return true;
    return member_ == Member::Number ? set_content(std::int64_t{value}) : set_time(static_cast<double>(value));
  }

  bool number_unsigned(number_unsigned_t value) {
    if (skipped()) return true;
    if (value <= static_cast<std::uint64_t>(INT64_MAX)) return number_integer(static_cast<std::int64_t>(value));
    return member_ == Member::Number ? set_content(std::uint64_t{value}) : set_time(static_cast<double>(value));
  }

  bool number_float(number_float_t, const string_t& text) {
    // Not the library's own value: it comes from strtod, which follows the process's locale.
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (skipped()) return true;
    if (error != std::errc{} || stop != text.data() + text.size()) return fail("a number is out of range");
    return member_ == Member::Number ? set_content(value) : set_time(value);
  }

  bool string(string_t& value) {
    if (skipped()) return true;
    switch (member_) {
      case Member::BaseName: document.base_name = std::move(value); return true;
      case Member::Name: document.entries.back().name = std::move(value); return true;
      case Member::String: return set_content(std::move(value));
      case Member::Link: return set_content(JsonEntry::Link{std::move(value)});
      default: return wrong_type();
    }
  }

  bool binary(binary_t&) { return fail("binary data in a text format"); }

  bool start_object(std::size_t) {
    if (!deeper()) return false;
    if (skip_from_ != 0) return true;
    if (depth_ == 1) return true;
    if (depth_ == 3) {
      if (document.entries.size() == kNodesMax) return too_many();
      document.entries.emplace_back();
      seen_in_entry_ = 0;
      return true;
    }
    return start_of_unknown();
  }

  bool start_array(std::size_t) {
    if (!deeper()) return false;
    if (skip_from_ != 0) return true;
    if (depth_ == 2 && member_ == Member::Entries) {
      has_entries = true;
      return true;
    }
    return start_of_unknown();
  }

  bool end_object() {
    if (skip_from_ == 0 && depth_ == 3) {
      if (document.entries.back().content.index() == 0) return fail("an entry has no value");
      // What follows in the array belongs to no member of this entry.
      member_ = Member::Entries;
    }
    return shallower();
  }

  bool end_array() { return shallower(); }

  bool key(string_t& name) {
    if (skip_from_ != 0) return true;
    member_ = depth_ == 1 ? root_member(name) : entry_member(name);
    if (member_ == Member::Unknown) return true;
    unsigned& seen = depth_ == 1 ? seen_in_root_ : seen_in_entry_;
    const unsigned bit = 1U << static_cast<unsigned>(member_);
    if ((seen & bit) != 0) return fail("member \"" + name + "\" stands twice");
    seen |= bit;
    return true;
  }

  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception&) {
    return fail("not JSON at byte " + std::to_string(position));
  }

 private:
  static Member root_member(std::string_view name) {
    if (name == "bn") return Member::BaseName;
    if (name == "bt") return Member::BaseTime;
    return name == "e" ? Member::Entries : Member::Unknown;
  }

  static Member entry_member(std::string_view name) {
    if (name == "n") return Member::Name;
    if (name == "t") return Member::Time;
    if (name == "v") return Member::Number;
    if (name == "bv") return Member::Boolean;
    if (name == "sv") return Member::String;
    return name == "ov" ? Member::Link : Member::Unknown;
  }

  /// The value at hand belongs to a member that nobody knows.
  [[nodiscard]] bool skipped() const {
    return skip_from_ != 0 || (member_ == Member::Unknown && (depth_ == 1 || depth_ == 3));
  }

  bool deeper() {
    if (++depth_ > kDepthMax) return fail("nested too deeply");
    return true;
  }

  bool shallower() {
    if (skip_from_ == depth_) skip_from_ = 0;
    --depth_;
    return true;
  }

  bool start_of_unknown() {
    // The depth counts the array or object that starts here, so its parent's member is what matters.
    if (member_ != Member::Unknown || (depth_ != 2 && depth_ != 4)) return wrong_type();
    skip_from_ = depth_;
    return true;
  }

  template <class Content>
  bool set_content(Content&& value) {
    JsonEntry& entry = document.entries.back();
    if (entry.content.index() != 0) return fail("an entry has two values");
    entry.content.emplace<std::decay_t<Content>>(std::forward<Content>(value));
    return true;
  }

  bool set_time(double value) {
    if (member_ == Member::BaseTime) {
      document.base_time = value;
    } else if (member_ == Member::Time) {
      document.entries.back().time = value;
    } else {
      return wrong_type();
    }
    return true;
  }

  bool wrong_type() { return fail(depth_ == 0 ? "not a JSON object" : "a member has a value of the wrong type"); }
  bool too_many() {
    code = kTooLarge;
    return fail("too many values");
  }
  bool fail(std::string why) {
    if (reason.empty()) reason = "JSON: " + std::move(why);
    return false;
  }

  std::size_t depth_ = 0;
  /// The depth at which what nobody knows began; 0 outside of it.
  std::size_t skip_from_ = 0;
  Member member_ = Member::Unknown;
  unsigned seen_in_root_ = 0;
  unsigned seen_in_entry_ = 0;
};

}  // namespace

Result<JsonDocument> parse_json(ByteView payload) {
  Handler handler;
  if (!nlohmann::json::sax_parse(payload.begin(), payload.end(), &handler)) {
    return peer_error(handler.code, handler.reason.empty() ? "JSON: malformed" : handler.reason);
  }
  if (!handler.has_entries) return malformed("JSON: the array \"e\" is missing");
  return std::move(handler.document);
}

}  // namespace drover::lwm2m::content
