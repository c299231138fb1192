// SPDX-License-Identifier: Apache-2.0
// Values to JSON (Core §6.4.4), members in the order of the specification's examples.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/codecs.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr std::size_t kNumberMax = 32;  // shortest round trip of a binary64: at most 24 characters

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_number(std::string& out, double number) {
  std::array<char, kNumberMax> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  // A parser takes "-0" for the integer, which has no sign.
  if (number == 0 && std::signbit(number)) out += ".0";
}

class Writer {
 public:
  explicit Writer(const std::string& base_name) {
    out_ = "{";
    if (!base_name.empty()) {
      out_ += "\"bn\":";
      append_string(out_, base_name);
      out_ += ',';
    }
    out_ += "\"e\":[";
  }

  Result<void> entry(const std::string& name, const Value& value, std::optional<double> time = std::nullopt) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '{';
    if (!name.empty()) {
      out_ += "\"n\":";
      append_string(out_, name);
      out_ += ',';
    }
    const auto appended = append_value(value);
    if (!appended) return appended;
    if (time) {
      out_ += ",\"t\":";
      append_number(out_, *time);
    }
    out_ += '}';
    return {};
  }

  Bytes finish(std::optional<double> base_time = std::nullopt) {
    out_ += ']';
    if (base_time) {
      out_ += ",\"bt\":";
      append_number(out_, *base_time);
    }
    out_ += '}';
    return to_bytes(out_);
  }

 private:
  Result<void> append_value(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      if (!is_utf8(*text)) return our_error("JSON: a string isn't UTF-8");
      out_ += "\"sv\":";
      append_string(out_, *text);
    } else if (const auto* number = std::get_if<double>(&value)) {
      if (!std::isfinite(*number)) return peer_error(kNotAcceptable, "JSON can't carry a number that isn't finite");
      out_ += "\"v\":";
      append_number(out_, *number);
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      out_ += *boolean ? "\"bv\":true" : "\"bv\":false";
    } else if (const auto* opaque = std::get_if<Opaque>(&value)) {
      out_ += "\"sv\":";
      append_string(out_, to_base64(opaque->bytes));
    } else if (std::holds_alternative<ObjectLink>(value)) {
      out_ += "\"ov\":";
      append_string(out_, to_text(value));
    } else {
      out_ += "\"v\":" + to_text(value);
    }
    return {};
  }

  std::string out_;
  bool first_ = true;
};

/// "/3/0/" for what lies below /3/0, "/3/0/0" for a value itself; entries append their names to it.
std::string base_name(const Path& base, bool base_is_value) {
  const std::string text = base.to_string();
  return base_is_value || base.is_root() ? text : text + '/';
}

std::string name_below(const Path& base, const Path& path) {
  const std::string text = path.to_string();
  const std::size_t skipped = base.is_root() ? 1 : base.to_string().size() + 1;
  return path == base ? std::string() : text.substr(skipped);
}

Path path_of(const Path& instance, const ResourceNode& resource, const ResourceInstanceNode& node) {
  const Path path = instance.child(resource.id);
  return resource.multiple ? path.child(node.id) : path;
}

template <class Visitor>
Result<void> for_each_value(const Tree& tree, Visitor visit) {
  for (const ObjectNode& object : tree.objects) {
    for (const InstanceNode& instance : object.instances) {
      for (const ResourceNode& resource : instance.resources) {
        for (const ResourceInstanceNode& node : resource.instances) {
          const Path path = path_of(Path(object.id, instance.id.value_or(kReservedId)), resource, node);
          const Result<void> done = visit(path, node.value);
          if (!done) return done;
        }
      }
    }
  }
  return {};
}

/// A Create that leaves the instance to the client: names stop at the resource and there is no base.
Result<Bytes> encode_nameless_instance(const ObjectNode& object) {
  Writer writer("");
  for (const ResourceNode& resource : object.instances[0].resources) {
    for (const ResourceInstanceNode& node : resource.instances) {
      std::string name = std::to_string(resource.id);
      if (resource.multiple) name += '/' + std::to_string(node.id);
      const auto done = writer.entry(name, node.value);
      if (!done) return tl::unexpected(done.error());
    }
  }
  return writer.finish();
}

/// All times against the first when that is exact, so that a history costs few digits.
bool shares_base_time(const std::vector<TimedValue>& values) {
  if (values.empty() || !values[0].time) return false;
  const double base = *values[0].time;
  return std::all_of(values.begin(), values.end(), [base](const TimedValue& value) {
    return value.time && base + (*value.time - base) == *value.time;
  });
}

}  // namespace

Result<Bytes> encode_json(const Path& path, const Tree& tree) {
  const bool nameless = std::any_of(tree.objects.begin(), tree.objects.end(), [](const ObjectNode& object) {
    return std::any_of(object.instances.begin(), object.instances.end(),
                       [](const InstanceNode& instance) { return !instance.id; });
  });
  if (nameless) {
    if (!path.is_object() || tree.objects.size() != 1 || tree.objects[0].id != path.object() ||
        tree.objects[0].instances.size() != 1) {
      return our_error("JSON: an object instance without id stands beside others");
    }
    return encode_nameless_instance(tree.objects[0]);
  }
  bool outside = false;
  bool base_is_value = false;
  (void)for_each_value(tree, [&](const Path& value_path, const Value&) -> Result<void> {
    outside = outside || !path.contains(value_path);
    base_is_value = base_is_value || value_path == path;
    return {};
  });
  // A link tree starts at the root (Core §6.4.4).
  const Path base = outside ? Path() : path;
  Writer writer(base_name(base, base_is_value && !outside));
  const auto done = for_each_value(tree, [&](const Path& value_path, const Value& value) {
    return writer.entry(name_below(base, value_path), value);
  });
  if (!done) return tl::unexpected(done.error());
  return writer.finish();
}

Result<Bytes> encode_timed_json(const Path& base, const std::vector<TimedValue>& values) {
  const bool outside =
      std::any_of(values.begin(), values.end(), [&](const TimedValue& value) { return !base.contains(value.path); });
  const bool base_is_value = !outside && std::any_of(values.begin(), values.end(),
                                                     [&](const TimedValue& value) { return value.path == base; });
  const bool base_time = shares_base_time(values);
  const Path start = outside ? Path() : base;
  Writer writer(base_name(start, base_is_value));
  for (const TimedValue& value : values) {
    if (value.path.depth() < 3) return our_error("JSON: a value has no resource path");
    if (value.time && !std::isfinite(*value.time)) return our_error("JSON: a time isn't finite");
    std::optional<double> time = value.time;
    if (base_time) {
      *time -= *values[0].time;
      if (*time == 0) time.reset();
    }
    const auto done = writer.entry(name_below(start, value.path), value.value, time);
    if (!done) return tl::unexpected(done.error());
  }
  return writer.finish(base_time ? values[0].time : std::nullopt);
}

}  // namespace drover::lwm2m::content
