// SPDX-License-Identifier: Apache-2.0
// A LwM2M device in a dozen lines; read examples/thermometer.cpp first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drover/object.hpp"
#include "drover/value.hpp"

namespace drover {

/// What a coaps server account is protected with. Keys and certificates are DER, PEM's content without its base64.
struct Keys {
  enum class Kind : std::uint8_t { none, pre_shared_key, raw_public_key, certificate };
  Kind kind = Kind::none;
  /// Identity of the pre-shared key; the device's SubjectPublicKeyInfo; its certificate, and behind it those above.
  std::vector<std::uint8_t> identity{};
  /// The pre-shared key, 1 to 64 bytes; the device's private key (RFC 5958 or RFC 5915).
  std::vector<std::uint8_t> secret{};
  /// The server's SubjectPublicKeyInfo; its certificate or the trust anchor above it. Nothing for a pre-shared key.
  std::vector<std::uint8_t> server{};

  static Keys pre_shared(const std::string& identity, std::vector<std::uint8_t> key) {
    return {Kind::pre_shared_key, {identity.begin(), identity.end()}, std::move(key), {}};
  }
};

/// A bootstrap server tells the device its servers and their keys, whenever it has no server or can't register. What it
/// says lasts as long as the Client: the next one begins with its Settings again.
struct Bootstrap {
  std::string server{};               ///< as Settings::server; "": there is none
  Keys keys{};                        ///< for coaps; no other server's
  std::uint32_t hold_off = 0;         ///< seconds before the device asks; the server may begin meanwhile
  std::uint32_t account_timeout = 0;  ///< seconds after which a device that it served forgets it; 0: never
  std::uint32_t finish_after = 0;     ///< seconds of silence that end it, for servers that don't say so; 0: none do
};

/// Queue mode: the device may be offline between its registration Updates, servers keep what they want of it until it is
/// there, and it keeps what they observe.
struct Queue {
  bool enabled = false;
  std::uint32_t awake = 0;         ///< seconds after its last message to the server; 0: 93, as is recommended
  std::uint32_t wake_every = 0;    ///< seconds; 0: when the registration has to be renewed
  bool notifications_wake = true;  ///< what is observed and has changed is told at once; else when it wakes anyway
};

struct Settings {
  std::string endpoint{};             ///< endpoint client name, such as "urn:dev:os:demo-1"
  std::string server{};               ///< "coaps://fleet.example" or "coap://[2001:db8::1]:5683"; "" with a bootstrap
  Keys keys{};                        ///< for coaps
  Bootstrap bootstrap{};
  std::uint32_t lifetime = 86400;     ///< seconds; the registration is renewed before it ends
  Queue queue{};
  std::uint16_t short_server_id = 1;  ///< 1 to 65534
  std::string bind{};                 ///< local "ADDRESS:PORT"; "" lets the system choose
  std::string manufacturer{};         ///< /3/0/0; "" leaves it out, as below
  std::string model{};                ///< /3/0/1
  std::string serial{};               ///< /3/0/2
  std::string firmware_version{};     ///< /3/0/3
  std::string alternate_path{};       ///< "" or "/lwm2m"

  // Called on the device's thread; must not block.
  std::function<void()> on_registered{};
  std::function<void()> on_bootstrapped{};                     ///< the device has new servers
  std::function<void(const std::string& reason)> on_failed{};  ///< also a bootstrap; it is tried again by itself
  std::function<void()> on_asleep{};                           ///< the radio may be switched off
  std::function<void()> on_awake{};                            ///< and is needed again
  std::function<void()> on_reboot{};                           ///< /3/0/4 was executed; the answer is out
};

/// A device: registers, renews, reconnects and registers again by itself, on a thread of its own. All methods are
/// thread-safe. Not for use from on_* callbacks and execute(): stop() and the destructor; assigning values is.
class Client {
 public:
  /// Throws std::invalid_argument for a server URI, keys, a bind address or an endpoint that can't be; says what to
  /// write instead.
  explicit Client(Settings settings);
  /// De-registers, for at most three seconds.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Makes a T and shows it to servers as instance `instance` (0 to 65534) of its object. Owned by the client.
  /// Throws std::invalid_argument when the instance exists.
  template <class T, class... Parts>
  T& add(std::uint16_t instance, Parts&&... parts) {
    std::unique_ptr<T> made;
    {
      const detail::construction members(sizeof(T));
      made = std::make_unique<T>(std::forward<Parts>(parts)...);
    }
    T& object = *made;
    adopt(std::move(made), instance, detail::actions_of(object));
    return object;
  }
  /// Takes an object away from servers and destroys it. A bootstrap server can't: what it deletes is shown again behind
  /// its last word, and instances that it makes of the program's objects go.
  void remove(detail::object_base& object);

  /// Opens the socket and starts registering; returns at once. Throws std::runtime_error when the socket can't be had.
  void start();
  /// De-registers, for at most three seconds. start() may follow.
  void stop();
  /// Tells servers that the device is alive, now.
  void update();
  /// Asks the bootstrap server for servers now. False without one, and before start().
  bool bootstrap();
  [[nodiscard]] bool registered() const;

 private:
  void adopt(std::unique_ptr<detail::object_base> object, std::uint16_t instance, std::vector<detail::action> actions);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover
