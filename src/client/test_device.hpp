// SPDX-License-Identifier: Apache-2.0
// A tree with objects 1, 3, 5 and 3303 and the answers to a server's operations, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "client/object_tree.hpp"
#include "client/objects/device_object.hpp"
#include "client/objects/server_object.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"

#ifndef DROVER_SOURCE_DIR  // given by the build; the header stands alone without it
#define DROVER_SOURCE_DIR "."
#endif

namespace drover::client::testing {

using lwm2m::FormatNumber;
using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::Status;

inline constexpr ServerId kServer = 101;

inline const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* file : {"1.0/0", "1.0/1", "1.0/2", "1.0/3", "1.0/4", "1.0/5", "1.0/6", "1.0/7", "extra/3303"}) {
      const std::string name = std::string(DROVER_SOURCE_DIR "/objects/") + file + ".xml";
      std::ifstream stream(name);
      std::ostringstream text;
      text << stream.rdbuf();
      auto parsed = lwm2m::model::parse_ddf(text.str(), name);
      EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().reason);
      if (!parsed) continue;
      for (auto& definition : *parsed) EXPECT_TRUE(loaded.add(std::move(definition)));
    }
    return loaded;
  }();
  return registry;
}

inline Path path(std::string_view text) {
  return Path::parse(text).value();
}

struct TestDevice {
  ObjectTree tree;
  ServerObject server_object;
  DeviceObject device_object{tree};
  Instant now{};

  explicit TestDevice(std::string root = {}) : tree(std::move(root)) {
    tree.define(*definitions().find(0));
    tree.define(*definitions().find(1), &server_object, {0, 1, 2, 3, 4, 5, 6, 7, 8});
    tree.define(*definitions().find(2));
    tree.define(*definitions().find(3), &device_object);
    tree.define(*definitions().find(4));
    tree.define(*definitions().find(5));
    tree.define(*definitions().find(3303));
    add("/0/0"), add("/1/0"), add("/3/0"), add("/3303/0");
    set("/1/0/0", std::int64_t{kServer});
    set("/1/0/1", std::int64_t{86400});
    set("/1/0/7", std::string("U"));
    set("/3/0/0", std::string("Open Mobile Alliance"));
    set("/3/0/9", std::int64_t{100});
    set("/3303/0/5700", 20.5);
    while (tree.poll_change()) {
    }
  }
  [[nodiscard]] Context own() const { return {now, std::nullopt}; }
  [[nodiscard]] Context server(ServerId id = kServer) const { return {now, id}; }
  void add(std::string_view where) {
    const auto done = tree.add(own(), path(where).object(), path(where).instance());
    EXPECT_TRUE(done) << (done ? "" : done.error().reason);
  }
  void set(std::string_view where, lwm2m::Value value) {
    const auto done = tree.set(own(), path(where), std::move(value));
    EXPECT_TRUE(done) << (done ? "" : done.error().reason);
  }
  Outcome perform(const lwm2m::Downlink& operation, ServerId id = kServer) {
    return tree.perform(server(id), operation);
  }
  Outcome read(std::string_view where, std::optional<FormatNumber> accept = {}) {
    return perform(lwm2m::Read{path(where), accept});
  }
  std::string discover(std::string_view where) {
    const Outcome outcome = perform(lwm2m::Discover{path(where)});
    return outcome.status == Status::Content ? std::string(as_text(outcome.payload)) : lwm2m::to_string(outcome.status);
  }
  Outcome write(std::string_view where, std::optional<FormatNumber> format, Bytes payload,
                lwm2m::Write::Mode mode = lwm2m::Write::Mode::Replace) {
    return perform(lwm2m::Write{path(where), mode, format, std::move(payload)});
  }
  Status attributes(std::string_view where, std::vector<std::string> query, ServerId id = kServer) {
    return perform(lwm2m::WriteAttributes{path(where), std::move(query)}, id).status;
  }
  Status execute(std::string_view where, std::string arguments = {}) {
    return perform(lwm2m::Execute{path(where), std::move(arguments)}).status;
  }
  std::string text(std::string_view where) { return std::string(as_text(read(where).payload)); }
};

inline std::string hex(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ') result += c;
  }
  return result;
}

inline Bytes from_hex(std::string_view text) {
  return drover::from_hex(hex(text)).value();
}

}  // namespace drover::client::testing
