// SPDX-License-Identifier: Apache-2.0
// A LwM2M device in a dozen lines; read examples/thermometer.cpp first.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drover/object.hpp"
#include "drover/platform.hpp"
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

namespace detail {

/// Makes instances for servers.
struct factory {
  std::function<std::pair<std::unique_ptr<object_base>, std::vector<action>>()> make;
  std::function<void(object_base&, std::uint16_t)> created;
  std::function<void(std::uint16_t)> deleted;
};

}  // namespace detail

/// A device: registers, renews, reconnects and registers again by itself. Who drives it: a thread of its own behind start(),
/// or the program's loop behind begin(). With a thread all methods are thread-safe; without one they belong to the thread of
/// that loop, but for assigning values, which is any thread's. Not for use from on_* callbacks and execute(): stop() and the
/// destructor; assigning values is.
class Client {
 public:
  /// Throws std::invalid_argument for a server URI, keys, a bind address or an endpoint that can't be; says what to
  /// write instead.
  explicit Client(Settings settings);
  /// For a device that isn't Linux, or a simulation: `platform` has the clocks, random bits and the network; it outlives this.
  Client(Settings settings, Platform& platform);
  /// De-registers, for at most three seconds.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Makes a T and shows it to servers as instance `instance` (0 to 65534) of its object. Owned by the client.
  /// Throws std::invalid_argument when the instance exists, and when the object's definition is known and a mandatory
  /// resource is missing.
  template <class T, class... Parts>
  T& add(std::uint16_t instance, Parts&&... parts) {
    std::unique_ptr<T> made = make<T>(std::forward<Parts>(parts)...);
    T& object = *made;
    adopt(std::move(made), instance, detail::actions_of(object), detail::definition_of<T>());
    return object;
  }
  /// Lets servers create instances of T's object, each of which is a T then, and delete those again (LwM2M Core §5.4.5,
  /// §5.4.6). `created` is called when a server has created one, `deleted` when one is destroyed; on the device's thread.
  template <class T>
  void allow_create(std::function<void(T& object, std::uint16_t instance)> created = {},
                    std::function<void(std::uint16_t instance)> deleted = {}) {
    detail::factory factory;
    factory.make = [] {
      std::unique_ptr<T> object = make<T>();
      std::vector<detail::action> actions = detail::actions_of(*object);
      return std::pair<std::unique_ptr<detail::object_base>, std::vector<detail::action>>(std::move(object), std::move(actions));
    };
    if (created) {
      factory.created = [created = std::move(created)](detail::object_base& object, std::uint16_t instance) {
        created(static_cast<T&>(object), instance);
      };
    }
    factory.deleted = std::move(deleted);
    allow_create(std::move(factory), detail::definition_of<T>());
  }
  /// Takes definitions of objects for add_dynamic(): the text of a DDF file. Throws std::invalid_argument with the line that
  /// is wrong, and for objects 0 to 7 and those that are defined already.
  void define(const std::string& ddf);
  /// An instance of a defined object. Throws std::invalid_argument for an object that isn't, and as add().
  dynamic_object& add_dynamic(std::uint16_t object, std::uint16_t instance);
  /// Takes an object away from servers and destroys it. A bootstrap server can't: what it deletes is shown again behind
  /// its last word, and instances that it makes of the program's objects go.
  void remove(detail::object_base& object);

  /// Opens the socket and starts registering, on a thread of its own; returns at once. Throws std::runtime_error when the
  /// socket can't be had.
  void start();
  /// De-registers, for at most three seconds; with a Platform as long as process() is called. start() or begin() may follow.
  void stop();

  /// The same as start() without a thread: from now on the program calls process() when descriptor() is readable (as poll(2)
  /// says) or wait() has passed.
  void begin();
  void process();
  /// Until process() has something to do; the longest time there is when nothing is due.
  [[nodiscard]] std::chrono::microseconds wait() const;
  /// -1 with a Platform.
  [[nodiscard]] int descriptor() const;
  /// With a Platform: a datagram came from "192.0.2.1:5684". Throws std::invalid_argument for an address that is none.
  void receive(const std::string& from, const std::uint8_t* bytes, std::size_t size);

  /// Tells servers that the device is alive, now. True once one has acknowledged that or a new registration; false when that
  /// failed, or the client was stopped.
  std::future<bool> update();
  /// Asks the bootstrap server for servers now. False without one, and before start().
  bool bootstrap();
  [[nodiscard]] bool registered() const;

 private:
  template <class T, class... Parts>
  static std::unique_ptr<T> make(Parts&&... parts) {
    const detail::construction members(sizeof(T));
    return std::make_unique<T>(std::forward<Parts>(parts)...);
  }
  void adopt(std::unique_ptr<detail::object_base> object, std::uint16_t instance, std::vector<detail::action> actions,
             const object_definition* definition);
  void allow_create(detail::factory factory, const object_definition* definition);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover
