// SPDX-License-Identifier: Apache-2.0
// One client in virtual time and its server as lines of a figure.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "client/client.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"
#include "tests/lockstep/coap_wire.hpp"

#ifndef DROVER_SOURCE_DIR  // given by the build; the header stands alone without it
#define DROVER_SOURCE_DIR "."
#endif

namespace drover::testing {

using lwm2m::Path;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline const lwm2m::model::Registry& shipped() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* file : {"1.0/0", "1.0/1", "1.0/2", "1.0/3", "1.0/4", "1.0/5", "1.0/6", "1.0/7", "extra/3303"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/") + file + ".xml");
      std::ostringstream text;
      text << stream.rdbuf();
      auto definitions = lwm2m::model::parse_ddf(text.str(), file).value();
      for (auto& definition : definitions) {
        EXPECT_TRUE(loaded.add(std::move(definition)));
      }
    }
    return loaded;
  }();
  return registry;
}

inline transport::PeerAddress server_address(std::uint32_t last = 1) {
  return transport::PeerAddress::v4(0xC0000200U + last, 5683);
}

inline client::ClientSettings plain_settings() {
  client::ClientSettings settings;
  settings.endpoint = "example-client";
  settings.announce_json = false;
  return settings;
}

/// A device with objects 1 and 3, whose server is 192.0.2.1; an empty URI: it has none.
class Device {
 public:
  explicit Device(const client::ClientSettings& settings = plain_settings(),
                  const std::string& uri = "coap://192.0.2.1", std::uint32_t lifetime = 86400,
                  const client::SecurityValues& security = {})
      : rng_(7), client(settings, rng_) {
    client.define(*shipped().find(0));
    client.define(*shipped().find(1), nullptr, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    client.define(*shipped().find(3));
    const bool known = uri.empty() || client.add_account(now, 1, uri, lifetime, security).has_value();
    EXPECT_TRUE(known);
    add(3, 0);
    set("/3/0/0", std::string("Open Mobile Alliance"));
  }

  /// The server sends. $m and $t stand for the message id and the token that the device sent last.
  void in(const std::string& line, const transport::PeerAddress& from = server_address()) { in(message(line), from); }
  [[nodiscard]] Bytes message(std::string line) const {
    replace(line, "$m", mid);
    replace(line, "$t", token);
    return wire::write(line);
  }
  void in(const Bytes& bytes, const transport::PeerAddress& from = server_address()) {
    client.handle_datagram(now, {from, bytes});
  }

  /// The device must have sent this next; ? matches one word, x=? any value. Message id and token are remembered.
  void out(const std::string& line, const transport::PeerAddress& to = server_address()) {
    const auto sent = client.poll_transmit();
    if (!sent) {
      ADD_FAILURE() << "nothing was sent, expected: " << line;
      return;
    }
    EXPECT_EQ(sent->to, to);
    expect(line, sent->bytes);
  }
  /// `bytes` is a message that the device sent, as out() says.
  void expect(const std::string& line, const Bytes& bytes) {
    last_sent = bytes;
    const std::vector<std::string> words = wire::read(bytes);
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    if (words.size() > 1) mid = words[1];
    if (words.size() > 3 && words[3].starts_with("t=")) token = words[3].substr(2);
    std::string pattern = line;
    replace(pattern, "$m", mid);
    replace(pattern, "$t", token);
    EXPECT_TRUE(matches(pattern, words)) << "sent:     " << text << "\nexpected: " << pattern;
  }
  void quiet() {
    while (const auto sent = client.poll_transmit()) {
      std::string text;
      for (const std::string& word : wire::read(sent->bytes)) text += word + " ";
      ADD_FAILURE() << "sent: " << text;
    }
  }

  void pass(Duration duration) {
    const Instant end = now + duration;
    for (int step = 0; step < 10000; ++step) {
      const auto deadline = client.deadline();
      if (!deadline || deadline->at > end) break;
      now = std::max(now, deadline->at);
      client.handle_timeout(now);
    }
    now = end;
  }

  void be_registered() {
    client.start(now);
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
  }
  void add(lwm2m::ObjectId object, lwm2m::InstanceId instance) {
    EXPECT_TRUE(client.tree().add({now, std::nullopt}, object, instance));
    client.settle(now);
  }
  void set(std::string_view path, lwm2m::Value value) {
    EXPECT_TRUE(client.tree().set({now, std::nullopt}, Path::parse(path).value(), std::move(value)));
    client.settle(now);
  }
  /// Makes the Access Control instance that gives every server all rights to an object instance.
  void share(lwm2m::InstanceId access, lwm2m::ObjectId object, lwm2m::InstanceId instance = 0) {
    add(2, access);
    const std::string path = "/2/" + std::to_string(access);
    set(path + "/0", std::int64_t{object});
    set(path + "/1", std::int64_t{instance});
    set(path + "/2/0", std::int64_t{15});
    set(path + "/3", std::int64_t{65535});
  }
  /// The next event of that kind; others before it are passed over.
  template <class E>
  std::optional<E> event() {
    while (auto next = client.poll_event()) {
      if (auto* wanted = std::get_if<E>(&*next)) return std::move(*wanted);
    }
    return std::nullopt;
  }

 private:
  static void replace(std::string& text, const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what))
      text.replace(at, what.size(), by);
  }
  static bool matches(const std::string& pattern, const std::vector<std::string>& words) {
    std::vector<std::string> wanted;
    std::istringstream stream(pattern);
    for (std::string word; stream >> word;) {
      if (word[0] == '\'') {
        std::string rest;
        std::getline(stream, rest);
        word += rest;
      }
      wanted.push_back(word);
    }
    if (wanted.size() != words.size()) return false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (wanted[i] == words[i] || wanted[i] == "?") continue;
      const std::size_t equals = wanted[i].find("=?");
      if (equals == std::string::npos || words[i].compare(0, equals + 1, wanted[i], 0, equals + 1) != 0) return false;
    }
    return true;
  }

  SplitMix rng_;

 public:
  Instant now{seconds(1000)};
  client::Client client;
  Bytes last_sent;
  std::string mid;
  std::string token;
};

}  // namespace drover::testing
