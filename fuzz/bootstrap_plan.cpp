// SPDX-License-Identifier: Apache-2.0
// A plan's text: what is taken can be shown and dry-run for any endpoint, and shows no key.
#include <cstdlib>

#include "bootstrap/dry_run.hpp"
#include "bootstrap/plan_json.hpp"
#include "fuzz/shipped_objects.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drover;
  const auto plan = bootstrap::parse_plan({reinterpret_cast<const char*>(data), size}, shipped_objects());
  if (!plan) {
    if (plan.error().reason.empty()) std::abort();
    return 0;
  }
  for (const auto& account : (*plan)->accounts) {
    const auto* psk = account.given ? std::get_if<security::PskCredential>(&account.given->own) : nullptr;
    // Shorter ones have no length byte of their own.
    if (psk == nullptr || psk->key.reveal().size() < 8) continue;
    const Bytes& bytes = psk->key.reveal();
    const std::uint8_t size_byte[] = {static_cast<std::uint8_t>(bytes.size())};
    const std::string key = "c805" + to_hex(size_byte) + to_hex(bytes);  // resource 5 as TLV
    if (bytes == Bytes(bytes.size(), '*')) continue;
    const auto messages = bootstrap::dry_run(*plan, "x", shipped_objects());
    if (!messages) continue;
    for (const auto& message : *messages) {
      if (message.path.starts_with("/0/") && message.payload_hex.find(key) != std::string::npos) std::abort();
    }
  }
  for (const char* endpoint : {"", "urn:dev:os:1", "{endpoint}/../x"}) {
    static_cast<void>(bootstrap::dry_run(*plan, endpoint, shipped_objects()));
    static_cast<void>(bootstrap::dry_run(*plan, endpoint, shipped_objects(), lwm2m::format::kJson));
  }
  return 0;
}
