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
    // Shorter ones may stand there by chance.
    if (psk == nullptr || psk->key.reveal().size() < 8) continue;
    const std::string key = to_hex(psk->key.reveal());
    // The name and other texts are the author's to choose.
    const auto messages = bootstrap::dry_run(*plan, "x", shipped_objects());
    if (!messages) continue;
    for (const auto& message : *messages) {
      if (message.path.starts_with("/0/") && message.payload_hex.find("c805" + key) != std::string::npos) std::abort();
    }
  }
  for (const char* endpoint : {"", "urn:dev:os:1", "{endpoint}/../x"}) {
    static_cast<void>(bootstrap::dry_run(*plan, endpoint, shipped_objects()));
    static_cast<void>(bootstrap::dry_run(*plan, endpoint, shipped_objects(), lwm2m::format::kJson));
  }
  return 0;
}
