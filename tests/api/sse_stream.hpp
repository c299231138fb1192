// SPDX-License-Identifier: Apache-2.0
// A reader of the API's event stream.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "raw_client.hpp"

namespace drover::api::test {

/// One server-sent event.
struct Sse {
  std::string id;
  std::string name;
  nlohmann::json data;
};

class Stream {
 public:
  Stream(int port, const std::string& query, const std::string& fields = {}, int receive_buffer = 0)
      : client_(port, receive_buffer) {
    client_.send("GET /api/v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n");
    head_ = client_.read_through("\r\n\r\n");
    // The stream is there once its first comment is; events from now on are its.
    opened_ = !client_.read_through(": connected\n\n").empty();
  }
  [[nodiscard]] bool opened() const { return opened_; }
  [[nodiscard]] const std::string& head() const { return head_; }
  Sse next() {
    while (true) {
      const std::string text = client_.read_through("\n\n");
      if (text.empty()) return {};
      if (text.front() == ':') continue;
      return {value(text, "id: "), value(text, "event: "), nlohmann::json::parse(value(text, "data: "), nullptr, false)};
    }
  }
  RawClient& client() { return client_; }

 private:
  static std::string value(const std::string& text, const std::string& key) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) return {};
    return text.substr(at + key.size(), text.find('\n', at) - at - key.size());
  }
  RawClient client_;
  std::string head_;
  bool opened_ = false;
};

}  // namespace drover::api::test
